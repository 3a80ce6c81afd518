/** Reads the metrics of a server, and runs Debian's Prometheus. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { signalUnlessEnded } from "../support/processes.ts";

export const METRICS = "/api/v1/metrics";

type Labels = Readonly<Record<string, string>>;

/** A page of metrics in Prometheus's format. */
export class Page {
  readonly #samples: { readonly name: string; readonly labels: Labels; readonly value: number }[] =
    [];

  constructor(readonly text: string) {
    for (const line of text.split("\n")) {
      const [, name, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === undefined) continue;
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
        .map(([, label = "", text = ""]) => [label, text] as const);
      this.#samples.push({ name, labels: Object.fromEntries(pairs), value: Number(value) });
    }
  }

  /** The sum of the series with these labels, of any other label; 0 without a series. */
  sum(name: string, labels: Labels = {}): number {
    return this.#of(name, labels).reduce((sum, { value }) => sum + value, 0);
  }

  /** Whether there is a series. */
  has(name: string, labels: Labels = {}): boolean {
    return this.#of(name, labels).length > 0;
  }

  /** The name and the labels of each series that the page has more than once. */
  duplicates(): string[] {
    const keys = this.#samples.map(({ name, labels }) =>
      JSON.stringify([name, ...Object.entries(labels).sort()])
    );
    return keys.filter((key, at) => keys.indexOf(key) !== at);
  }

  #of(name: string, labels: Labels) {
    return this.#samples.filter((sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
    );
  }
}

/** The metrics of a server now. */
export async function scrape(client: Client): Promise<Page> {
  const { status, body } = await client.get(METRICS);
  assert.equal(status, 200, JSON.stringify(body));
  return new Page(body);
}

/** The metrics once they are as expected: a page can be a second old. */
export async function scraped(
  client: Client,
  isExpected: (page: Page) => boolean,
  what: string,
): Promise<Page> {
  return await eventually(async () => {
    const page = await scrape(client);
    return isExpected(page) ? page : undefined;
  }, what);
}

/** A port that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Checks a page with promtool, which accepts a series twice, and that no two lines have the same labels. */
export async function checkPage(text: string): Promise<void> {
  assert.deepEqual(new Page(text).duplicates(), []);
  assert.deepEqual(await promtool(["check", "metrics"], text), { code: 0, said: "" });
}

/** Runs promtool with this input. */
export async function promtool(
  args: readonly string[],
  input = "",
): Promise<{ readonly code: number; readonly said: string }> {
  const process = new Deno.Command("promtool", {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await process.output();
  return { code, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** A running Prometheus. Disposing it kills it. */
export class Prometheus implements AsyncDisposable {
  private constructor(readonly url: string, private readonly opened: AsyncDisposableStack) {}

  /**
   * @param scrapeConfigs as plain data
   * @param rules alerts in YAML, evaluated every second
   */
  static async start(scrapeConfigs: readonly unknown[], rules = "groups: []"): Promise<Prometheus> {
    await using opened = new AsyncDisposableStack();
    const { path } = opened.use(await makeTempDir());
    const rulesFile = join(path, "rules.yml");
    await Deno.writeTextFile(rulesFile, rules);
    const config = {
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: [rulesFile],
      scrape_configs: scrapeConfigs,
    };
    const file = join(path, "prometheus.yml");
    await Deno.writeTextFile(file, JSON.stringify(config));
    const address = `127.0.0.1:${freePort()}`;
    const process = new Deno.Command("prometheus", {
      args: [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(path, "data")}`,
        `--web.listen-address=${address}`,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    opened.defer(async () => {
      signalUnlessEnded(process, "SIGKILL");
      await process.status;
    });
    const url = `http://${address}`;
    await eventually(async () => {
      const response = await fetch(`${url}/-/ready`).catch(() => undefined);
      await response?.body?.cancel();
      return response?.ok ? true : undefined;
    }, "the start of Prometheus");
    return new Prometheus(url, opened.move());
  }

  /** The series of a query, once there is one. */
  async query(
    query: string,
  ): Promise<readonly { readonly metric: Labels; readonly value: readonly [number, string] }[]> {
    return await eventually(async () => {
      const response = await fetch(`${this.url}/api/v1/query?query=${encodeURIComponent(query)}`);
      const { data } = await response.json();
      return data.result.length === 0 ? undefined : data.result;
    }, query);
  }

  /** Names of the alerts that fire now, each once. */
  async firing(): Promise<string[]> {
    const response = await fetch(`${this.url}/api/v1/alerts`);
    const { data } = await response.json() as {
      readonly data: { readonly alerts: readonly { labels: Labels; state: string }[] };
    };
    const names = data.alerts.filter(({ state }) => state === "firing")
      .map(({ labels }) => labels["alertname"] ?? "");
    return [...new Set(names)].sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened.disposeAsync();
  }
}
