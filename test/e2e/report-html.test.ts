import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { DARK, LIGHT } from '../../src/report/html-palette.ts';
import { renderReport } from '../../src/report/render.ts';
import { startChromium, type TestBrowser } from '../support/chromium.ts';
import { EXAMPLES } from '../support/comparison-report.ts';

const PHONE = { width: 360, height: 740 };
const DESK = { width: 1280, height: 800 };

let browser: TestBrowser;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hybrid-report-'));
  for (const [name, report] of Object.entries(EXAMPLES))
    writeFileSync(join(folder, `${name}.html`), renderReport(report(), 'html'));
  browser = await startChromium();
});
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Opened {
  readonly page: Page;
  readonly url: string;
  /** Addresses asked for, and everything the browser complains about. */
  readonly requests: readonly string[];
  readonly complaints: readonly string[];
}

async function open(
  name: string,
  options: BrowserContextOptions,
  look: (opened: Opened) => Promise<void>,
): Promise<void> {
  const context = await browser.open({ viewport: DESK, ...options });
  const [requests, complaints]: [string[], string[]] = [[], []];
  const page = await context.newPage();
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  const url = pathToFileURL(join(folder, `${name}.html`)).href;
  await page.goto(url);
  await look({ page, url, requests, complaints });
  await context.close();
}

/** What an assistive program is told of every picture: its name and its description. */
async function picturesOf(page: Page): Promise<readonly { name: string; description: string }[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  return nodes
    .filter((node) => !node.ignored && ['image', 'img', 'SvgRoot'].includes(String(node.role?.value)))
    .map((node) => ({
      name: String(node.name?.value ?? ''),
      description: String(node.description?.value ?? ''),
    }));
}

const rgb = (hex: string) =>
  `rgb(${[1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join(', ')})`;

describe.each(Object.keys(EXAMPLES))('the %s report in Chromium', (name) => {
  it.each([
    ['light', LIGHT],
    ['dark', DARK],
  ] as const)('asks for nothing and complains of nothing, %s', async (colorScheme, palette) => {
    await open(name, { colorScheme }, async ({ page, url, requests, complaints }) => {
      expect(complaints).toEqual([]);
      expect(requests).toEqual([url]);
      // The policy lets the page's own style through, and the scheme is followed.
      expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(rgb(palette.page));
      await expect(isHeadlineInView(page)).resolves.toBe(true);
    });
  });

  it('fits a telephone without JavaScript', async () => {
    await open(name, { viewport: PHONE, javaScriptEnabled: false }, async ({ page, complaints }) => {
      expect(complaints).toEqual([]);
      const widths = await page.evaluate(
        '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
      );
      expect(widths).toEqual([PHONE.width, PHONE.width]);
      await expect(isHeadlineInView(page)).resolves.toBe(true);
      expect(await cutOff(page)).toEqual([]);
    });
  });

  it('names and describes every chart', async () => {
    await open(name, { javaScriptEnabled: false }, async ({ page }) => {
      const charts = await page.locator('svg:not([aria-hidden="true"])').count();
      // The second marks of a chart are pictures within it for no one.
      const drawn = await page.locator('svg.chart').count();
      const pictures = await picturesOf(page);
      expect(pictures.filter((picture) => picture.name === '' || picture.description === '')).toEqual([]);
      expect(pictures).toHaveLength(drawn);
      expect(charts).toBe(drawn + (await page.locator('svg.chart svg.anchor').count()));
      if (name !== 'empty') expect(drawn).toBeGreaterThan(4);
    });
  });
});

/** The edges of the overview's table at both ends of its way: shadows only, because its content is hidden. */
async function edgesOf(page: Page): Promise<readonly { left: string; right: string }[]> {
  const overview = page.getByRole('region', { name: 'Verdicts by task and rule' });
  await page.addStyleTag({ content: '.scroll > * { visibility: hidden }' });
  await overview.scrollIntoViewIfNeeded();
  const { x, y, width } = (await overview.boundingBox()) ?? { x: 0, y: 0, width: 0 };
  const strip = async (left: number) =>
    (await page.screenshot({ clip: { x: left, y: y + 4, width: 10, height: 24 } })).toString('base64');
  const strips: { left: string; right: string }[] = [];
  for (const scrollLeft of [0, 10_000]) {
    await page.evaluate(`document.querySelector('.scroll').scrollLeft = ${scrollLeft}`);
    strips.push({ left: await strip(x), right: await strip(x + width - 10) });
  }
  return strips;
}

describe.each(['light', 'dark'] as const)('a table wider than a telephone, %s', (colorScheme) => {
  it('has a shadow at the edge behind which it goes on, and at no other', async () => {
    await open('failed', { viewport: PHONE, colorScheme, bypassCSP: true }, async ({ page }) => {
      const [begin, end] = await edgesOf(page);
      const plain = begin?.left;
      expect(end?.right).toBe(plain);
      expect(begin?.right).not.toBe(plain);
      expect(end?.left).not.toBe(plain);
    });
  });

  it('has no shadow where there is room for all of it', async () => {
    await open('failed', { viewport: DESK, colorScheme, bypassCSP: true }, async ({ page }) => {
      const strips = await edgesOf(page);
      expect(new Set(strips.flatMap(({ left, right }) => [left, right])).size).toBe(1);
    });
  });
});

it('lets a keyboard reach and scroll every wide table, by name', async () => {
  // Waiting evaluates a text in the page, which its policy forbids.
  await open('failed', { viewport: PHONE, bypassCSP: true }, async ({ page }) => {
    const scrollers = await page.locator('.scroll').all();
    const reachable = page.getByRole('region', { name: /./ }).and(page.locator('[tabindex="0"]'));
    expect(await reachable.and(page.locator('.scroll')).count()).toBe(scrollers.length);
    let wide = 0;
    for (const [i, scroller] of scrollers.entries()) {
      const node = `document.querySelectorAll('.scroll')[${i}]`;
      if (!(await page.evaluate(`${node}.scrollWidth > ${node}.clientWidth`))) continue;
      wide += 1;
      await scroller.focus();
      await page.keyboard.press('ArrowRight');
      await page.waitForFunction(`${node}.scrollLeft > 0`);
    }
    expect(wide).toBeGreaterThan(2);
  });
});

it('prints light, with everything unfolded', async () => {
  await open('failed', { colorScheme: 'dark' }, async ({ page }) => {
    const folded = page.locator('details pre').first();
    expect(await folded.isVisible()).toBe(false);
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect(await folded.isVisible()).toBe(true);
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(rgb(LIGHT.page));
  });
});

it('shows what users wrote as they wrote it, and runs none of it', async () => {
  await open('failed', {}, async ({ page, complaints }) => {
    const text = String(await page.evaluate('document.body.textContent'));
    expect(text).toContain('<script>alert(document.domain)</script>');
    expect(text).toContain('数据库迁移');
    expect(await page.evaluate('document.scripts.length')).toBe(0);
    expect(complaints).toEqual([]);
  });
});

/** The first thing to read: all of the headline, before anybody scrolls. */
function isHeadlineInView(page: Page): Promise<unknown> {
  return page.evaluate(
    `(() => { const { top, bottom } = document.querySelector('h1').getBoundingClientRect();
      return top >= 0 && bottom > top && bottom <= innerHeight; })()`,
  );
}

/** Words of charts that stick out of the screen. */
function cutOff(page: Page): Promise<unknown> {
  return page.evaluate(
    `[...document.querySelectorAll('svg.chart text')]
      .filter((text) => { const { left, right } = text.getBoundingClientRect(); return left < 0 || right > innerWidth; })
      .map((text) => text.textContent)`,
  );
}
