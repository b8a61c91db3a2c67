/**
 * Asks again and again until the answer is right; for what can only be asked, not listened to.
 *
 * @throws after `deadlineMs`, with the last answer
 */
export async function waitUntil<T>(
  what: string,
  ask: () => T | Promise<T>,
  isRight: (answer: T) => boolean,
  deadlineMs = 10_000,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    if (Date.now() > end)
      throw new Error(`Not within ${deadlineMs} ms: ${what}. Last answer: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
