import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core';

/** A container's root has no sandbox to start in, and nothing here is to be looked up on the network. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface TestBrowser {
  open(options: BrowserContextOptions): Promise<BrowserContext>;
  close(): Promise<void>;
}

/** A headless Chromium with a profile of its own. @throws when this machine has none, saying how to get one */
export async function startChromium(): Promise<TestBrowser> {
  const executablePath = browserPath();
  const home = mkdtempSync(join(tmpdir(), 'hybrid-chromium-'));
  const browser = await chromium.launch({
    executablePath,
    args: FLAGS,
    // Its crash reports and caches otherwise go into the home folder.
    env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home },
  });
  return {
    open: (options) => browser.newContext(options),
    close: async () => {
      await browser.close();
      rmSync(home, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

function browserPath(): string {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const folders = (process.env.PATH ?? '').split(delimiter);
  const given = process.env.CHROMIUM_PATH;
  const candidates = given ? [given] : names.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = candidates.find((path) => existsSync(path));
  if (found) return found;
  throw new Error('This test needs a browser: apt-get install chromium, or CHROMIUM_PATH=/path/of/chrome.');
}
