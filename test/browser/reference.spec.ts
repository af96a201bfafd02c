import { chromium, type Browser, type Page } from 'playwright-core';
import { startApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';

const PATIENCE_MS = 120_000;
jest.setTimeout(2 * PATIENCE_MS);

const executablePath = process.env.CHANCERY_TEST_CHROMIUM;
// Counted as skipped where there is no Chromium; `REQUIRE_SERVICES=1` makes its absence a failure.
const inChromium = executablePath === undefined ? test.skip : test;
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let app: TestApp;
let browser: Browser | undefined;
beforeAll(async () => {
  app = await startApp();
  if (executablePath !== undefined)
    browser = await chromium.launch({ executablePath, args: FLAGS, timeout: PATIENCE_MS });
});
afterAll(async () => {
  await browser?.close();
  await app?.close();
});

/** A page, and what it asked for and complained about. */
async function open(url: string): Promise<{ page: Page; requests: string[]; complaints: string[] }> {
  const page = await (browser as Browser).newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url, { waitUntil: 'networkidle' });
  return { page, requests, complaints };
}

inChromium('P18: the API reference renders under its own policy and asks nobody else for anything', async () => {
  const { page, requests, complaints } = await open(`${app.at.tenant}/reference`);
  await page.waitForSelector('.opblock');
  const paths = await page.locator('.opblock-summary-path').allTextContents();
  expect(paths.map((text) => text.replaceAll('\u200b', ''))).toEqual(
    expect.arrayContaining(['/v1/credentials/{name}/execute', '/v1/brakes', '/oauth/token']),
  );
  expect(complaints).toEqual([]);
  expect(requests.filter((url) => !url.startsWith(app.at.tenant) && !url.startsWith('data:'))).toEqual([]);
});

inChromium('a script that somebody injects into the reference does not run', async () => {
  const { page, complaints } = await open(`${app.at.tenant}/reference`);
  const inject =
    "const s = document.createElement('script'); s.textContent = 'window.injected = true'; document.body.append(s)";
  await page.evaluate(`(() => { ${inject} })()`);
  expect(await page.evaluate("'injected' in window")).toBe(false);
  await eventually(
    () => complaints.join(' '),
    (text) => text.includes('Content Security Policy'),
  );
});
