import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  const found = spawnSync('bash', ['scripts/ensure-chromium.sh', '--check'], { encoding: 'utf8' });
  if (found.status !== 0)
    throw new Error(`This test needs a browser: scripts/ensure-chromium.sh\n${found.stderr}`);
  const home = mkdtempSync(join(tmpdir(), 'hybrid-chromium-'));
  const browser = await chromium.launch({
    executablePath: found.stdout.trim(),
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
