import { FrozenError, NotDrainableError, ResultTimeoutError } from '../domain/errors.ts';

/** From `hybrid` and its command to the end of what is to be typed. */
const SUGGESTED = /\bhybrid [a-z]+(?:(?!, (?:then|and) ).)*/g;

/**
 * Gives each command of a text what it needs to act on the same place when it is pasted.
 * @param text a command, or several with words between them, as the library suggests them
 * @param place of `placeArguments`
 */
export function atPlace(text: string, place: string): string {
  return text.replace(SUGGESTED, (command) => `${command}${place}`);
}

/** The library does not know what was typed, so the commands in its errors lack it. */
export function errorAtPlace(error: unknown, place: string): unknown {
  if (error instanceof NotDrainableError) {
    return new NotDrainableError(
      error.obstacles.map(({ what, command }) => ({ what, command: atPlace(command, place) })),
    );
  }
  // Both end with their command.
  if (error instanceof FrozenError || error instanceof ResultTimeoutError) error.message += place;
  return error;
}
