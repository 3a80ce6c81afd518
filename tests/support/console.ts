/** Drives the console of a real server in Chromium, signed in by a one-time link. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page as BrowserPage,
} from "playwright-core";
import { runInvoked } from "./invoked.ts";
import type { Served } from "./server.ts";

export type Page = BrowserPage;

/** How long the browser may take to start, or a page to show something; a bound for what hangs, not a measurement. */
const SHOWN_TIMEOUT_MS = 180_000;
/** The same once a step has failed: it may have left its page anywhere, and what the next steps wait for may never come. */
const SHOWN_AFTER_FAILURE_MS = 30_000;

/** The pages of this test file. */
const pages = new Set<Page>();

export const CHROMIUM = {
  // The same engine as Chromium's, without its windows: a start and a page take about a quarter less processor time.
  executablePath: "/usr/bin/chromium-headless-shell",
  timeout: SHOWN_TIMEOUT_MS,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // A process less, whose start and messages cost a twentieth of the processor time.
    "--in-process-gpu",
    // A page lives for seconds: to optimize its scripts costs more than they gain, and so does to collect garbage early.
    // Threads that help each other with garbage and compilation wait for each other where other tests have the cores.
    "--js-flags=--no-opt --min-semi-space-size=64 --single-threaded",
  ],
};

/**
 * How many times slower than the machine a page runs: a number such as 8 in the environment finds tests that act before a
 * page is ready, and pages that lose what a reader does early.
 */
const CPU_THROTTLE = Number(Deno.env.get("CONSOLE_CPU_THROTTLE") ?? "1");

/** A folder for the pictures that tests take of pages. */
const SCREENSHOTS = Deno.env.get("CONSOLE_SCREENSHOTS");

/** What the page's style sheets set in one theme, other than the switch by which the build writes `light-dark()`, for colours. */
const SET_BY_THEME = `(() => {
  const within = (rules, isThemed) => [...rules].flatMap((rule) => [
    ...isThemed ? [...rule.style ?? []].filter((name) => !name.startsWith("--lightningcss-")) : [],
    ...within(rule.cssRules ?? [], isThemed || /prefers-color-scheme/.test(rule.conditionText)),
  ]);
  return [...document.styleSheets].flatMap(({ cssRules }) => within(cssRules, false));
})()`;

const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** The rules of axe-core that look at colours: the category `cat.color` of these levels. */
const COLOR_RULES = ["color-contrast", "link-in-text-block"];

/** Waits until the page is drawn with what has just changed. */
export const NEXT_FRAME =
  "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))";

/** In the page: the language service of the editor starts, and never answers. */
const WITHOUT_LANGUAGE_SERVICE = `{
  const { Worker } = globalThis;
  const never = () => Object.assign(new MessageChannel().port1, { terminate() {} });
  globalThis.Worker = function (url, options) {
    return /ts\\.worker/.test(url) ? never() : new Worker(url, options);
  };
}`;

interface PageOptions {
  /** Whether the editor's language service answers, which needs more processor time than a journey that writes no code. */
  readonly hasLanguageService?: boolean;
}

interface ConsoleOptions extends BrowserContextOptions, PageOptions {}

/** A test that drives a browser. Playwright keeps timers and pipes of its own until after the browser has closed. */
export function browserTest(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  Deno.test({
    name,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: (t) => fn(impatientAfterFailure(t)),
  });
}

function impatientAfterFailure(t: Deno.TestContext): Deno.TestContext {
  return new Proxy(t, {
    get(context, key) {
      const value: unknown = Reflect.get(context, key, context);
      if (key !== "step" || typeof value !== "function") return value;
      return async (name: string, fn: (step: Deno.TestContext) => Promise<void>) => {
        const step = [name, (inner: Deno.TestContext) => fn(impatientAfterFailure(inner))];
        const hasPassed: boolean = await Reflect.apply(value, context, step);
        if (!hasPassed) pages.forEach((page) => page.setDefaultTimeout(SHOWN_AFTER_FAILURE_MS));
        return hasPassed;
      };
    },
  });
}

/** A browser with the console of one server; pages that it opens share the session. */
export class ConsoleBrowser implements AsyncDisposable {
  /** What pages logged as errors and warnings, requests that failed, and errors that nobody caught. */
  readonly complaints: string[] = [];

  private constructor(
    readonly url: string,
    readonly browser: Browser,
    readonly page: Page,
    readonly close: () => Promise<void>,
  ) {}

  /** Opens the console and signs in by a new link. */
  static async open(
    server: Served,
    { hasLanguageService = true, ...options }: ConsoleOptions = {},
  ): Promise<ConsoleBrowser> {
    const browser = await chromium.launch(CHROMIUM);
    const context = await browser.newContext({
      viewport: { width: 1280, height: 820 },
      // Motion is painted 60 times a second, and shows nothing that a test looks for.
      reducedMotion: "reduce",
      ...options,
    });
    // Of pages, too, that a test or a link opens beside the first one.
    context.setDefaultTimeout(SHOWN_TIMEOUT_MS);
    if (!hasLanguageService) await context.addInitScript(WITHOUT_LANGUAGE_SERVICE);
    const page = await newPage(context);
    const opened = new ConsoleBrowser(server.url, browser, page, () => browser.close());
    opened.watch(page);
    await signIn(page, await signInLink(server));
    return opened;
  }

  /**
   * The same session in a page of its own, for a part of a test that owes nothing to the one before it: the size of the
   * window, routes, listeners and complaints begin anew. The page so far is left; the new one is empty.
   */
  async anew(options: PageOptions = {}): Promise<ConsoleBrowser> {
    await this.page.goto("about:blank");
    const page = await newPage(this.page.context(), options);
    const opened = new ConsoleBrowser(this.url, this.browser, page, () => page.close());
    opened.watch(page);
    return opened;
  }

  /** Collects what the page complains about. */
  watch(page: Page): void {
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
  }

  /**
   * Opens a page of the console by its path as a link does, and waits for its heading. The scripts of the console and the
   * services of its editor stay, which need most of the processor time of {@link load}; so does a dialog over the page.
   * An address that is open already is loaded.
   */
  async goto(path: string): Promise<void> {
    const isShown = this.page.url() !== this.url + path &&
      await this.page.evaluate(follow, { path, timeoutMs: SHOWN_TIMEOUT_MS });
    if (!isShown) return await this.load(path);
    await this.#heading.waitFor();
  }

  /** That of the page, which a dialog over it hides from assistive technology. */
  get #heading(): Locator {
    return this.page.locator("h1").first();
  }

  /** Loads a page of the console by its path, as a reader does who enters the address, and waits for its heading. */
  async load(path: string): Promise<void> {
    await this.page.goto(this.url + path);
    await this.#heading.waitFor();
  }

  /** A further tab of the same session. */
  async newTab(options: PageOptions = {}): Promise<Page> {
    const page = await newPage(this.page.context(), options);
    this.watch(page);
    return page;
  }

  /**
   * Fails for what axe-core finds on the page as it is, in both themes, and for a page that scrolls sideways. Themes differ
   * in colours alone, so the rules that look at no colour run in one.
   * @param picture its name, as {@link screenshot} has it
   * @param colors whether to run the rules about colours: once is enough for a page at several widths
   */
  async assertAccessible(
    picture?: string,
    { page = this.page, colors = true }: { readonly page?: Page; readonly colors?: boolean } = {},
  ): Promise<void> {
    if (!await page.evaluate<boolean>("'axe' in globalThis")) {
      const axe = new URL("../../node_modules/axe-core/axe.min.js", import.meta.url);
      // Evaluated by the debugger, which the page's Content-Security-Policy does not concern.
      await page.evaluate(await readFile(axe, "utf8"));
    }
    assert.deepEqual(
      await page.evaluate(SET_BY_THEME),
      [],
      "styles of one theme",
    );
    const withoutColors = Object.fromEntries(COLOR_RULES.map((id) => [id, { enabled: false }]));
    const runs = [
      ["light", { runOnly: WCAG, ...colors ? {} : { rules: withoutColors } }],
      ["dark", colors ? { runOnly: { type: "rule", values: COLOR_RULES } } : undefined],
    ] as const;
    for (const [colorScheme, rules] of runs) {
      await page.emulateMedia({ colorScheme });
      // The editor takes the colours of the theme in the next frame.
      await page.evaluate(NEXT_FRAME);
      const violations = rules === undefined ? [] : await page.evaluate(async (rules) => {
        // deno-lint-ignore no-explicit-any -- axe puts itself there
        const { axe } = globalThis as any;
        const { violations } = await axe.run({ ...rules, resultTypes: ["violations"] });
        // deno-lint-ignore no-explicit-any -- axe's own shape
        return violations.map(({ id, nodes }: any) =>
          // deno-lint-ignore no-explicit-any -- axe's own shape
          `${id}: ${nodes.map(({ html }: any) => html.slice(0, 160)).join(" | ")}`
        );
      }, rules);
      assert.deepEqual(violations, [], `${page.url()} in ${colorScheme}`);
      if (picture !== undefined) await this.#take(page, picture, colorScheme);
    }
    await page.emulateMedia({ colorScheme: null });
    await this.assertFits(page);
  }

  /** Fails for a page that scrolls sideways. */
  async assertFits(page: Page = this.page): Promise<void> {
    const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
    assert.ok(Number(overflow) <= 0, `${page.url()} scrolls sideways by ${overflow} px`);
  }

  /** Writes a picture in each theme if the environment names a folder for them. */
  async screenshot(name: string): Promise<void> {
    if (SCREENSHOTS === undefined) return;
    for (const colorScheme of ["light", "dark"] as const) {
      await this.page.emulateMedia({ colorScheme });
      await this.#take(this.page, name, colorScheme);
    }
    await this.page.emulateMedia({ colorScheme: null });
  }

  async #take(page: Page, name: string, colorScheme: string): Promise<void> {
    if (SCREENSHOTS === undefined) return;
    await page.screenshot({ path: `${SCREENSHOTS}/${name}_${colorScheme}.png` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Where TanStack Router leaves its router in a page. */
interface RouterGlobal {
  readonly __TSR_ROUTER__?: { navigate(to: { readonly href: string }): Promise<void> };
}

/** In the page: follows a path, and answers once its page is drawn; false where no router is, as before the first load. */
async function follow(
  { path, timeoutMs }: { readonly path: string; readonly timeoutMs: number },
): Promise<boolean> {
  const { __TSR_ROUTER__: router } = globalThis as RouterGlobal;
  if (router === undefined) return false;
  const { promise: held, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`The page does not lead to ${path}: it may ask before it is left`)),
    timeoutMs,
  );
  await Promise.race([router.navigate({ href: path }), held]);
  clearTimeout(timer);
  return true;
}

/** A page of a browser, as slow as the environment asks for. */
export async function newPage(
  context: BrowserContext,
  { hasLanguageService = true }: PageOptions = {},
): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(SHOWN_TIMEOUT_MS);
  if (!hasLanguageService) await page.addInitScript(WITHOUT_LANGUAGE_SERVICE);
  pages.add(page);
  if (CPU_THROTTLE > 1) {
    const session = await context.newCDPSession(page);
    await session.send("Emulation.setCPUThrottlingRate", { rate: CPU_THROTTLE });
  }
  return page;
}

/** Presses one key and then another at the same time for a busy machine: the page forgets the first after a while. */
export async function pressInTurn(page: Page, first: string, second: string): Promise<void> {
  await Promise.all([page.keyboard.press(first), page.keyboard.press(second)]);
}

/** Hides a page, as a tab over it does, or shows it again. A browser without a window hides none. */
export async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(`(() => {
    Object.defineProperty(document, "hidden", { configurable: true, value: ${isHidden} });
    document.dispatchEvent(new Event("visibilitychange"));
  })()`);
}

/** Holds requests for an address until what it answers is called. */
export async function hold(page: Page, address: RegExp): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  await page.route(address, async (route) => {
    await promise;
    await route.continue();
  });
  return resolve;
}

/** Signs the browser of a page in by a new link, as another tab of it does: the tabs share the cookie alone. */
export async function signInElsewhere(page: Page, server: Served): Promise<void> {
  const [, code] = /#code=(\S+)/.exec(await signInLink(server)) ?? [];
  const answer = await page.context().request.post(`${server.url}/auth/v1/session`, {
    data: { code },
    headers: { "x-invoked-console": "1", origin: server.url },
  });
  assert.equal(answer.status(), 200, await answer.text());
}

/** A link that signs in once. */
export async function signInLink(server: Served): Promise<string> {
  const { code, stdout, stderr } = await runInvoked(["console", "link"], {
    env: { INVOKED_DATA: server.dataDir },
  });
  assert.equal(code, 0, stderr);
  const [link] = /http\S+#code=\S+/.exec(stdout) ?? [];
  assert.ok(link !== undefined, stdout);
  return link;
}

/** Opens a link, signs in by it, and waits for the page that follows: the address changes before the page does. */
export async function signIn(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("main").and(page.locator(".content")).getByRole("heading", { level: 1 })
    .waitFor();
}
