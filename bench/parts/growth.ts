/** Part d: costs of invocations, lists, searches and a start as functions, history and clients grow. */
import type { Context } from "../context.ts";
import { fill, NEEDLE, OLDEST_FUNCTION, type Past, SECOND_DAY } from "../history.ts";
import { Invoked } from "../invoked.ts";
import { type Call, type Load, merge, oneByOne, pause, saturate } from "../load.ts";
import type { Chart } from "../plots.ts";
import { type PartResult, type Row, rowOf, withRatios } from "../report.ts";
import { inTurn, median } from "../statistics.ts";
import { HELLO } from "../workload.ts";

const FUNCTIONS = [10, 1_000, 10_000] as const;
const INVOCATIONS = [0, 100_000, 1_000_000] as const;
const CLIENTS = [1, 10, 50, 100, 200] as const;
const SETTLE_MS = 500;
/** Left out of legends. */
const INVOCATION_SEARCH = "search invocations, ";
const MS_PER_DAY = 86_400_000;
/** Pause between two invocations, in which the pool replaces the used process. */
const INVOCATION_PAUSE_MS = 100;
/** Idle servers of other sizes run beside the measured one. */
const FLAGS = ["--pool-size", "4"];

interface Site {
  /** Functions or invocations, as the table has it. */
  readonly label: string;
  readonly past: Past;
  readonly dataDir: string;
  readonly functionId: string;
}

/** An operation, and the milliseconds that it took at each site, by label. */
type Samples = Map<string, Map<string, number[]>>;

export async function growth(context: Context): Promise<PartResult> {
  const [fewFunctions] = FUNCTIONS;
  const sites: Site[] = [];
  for (const functions of FUNCTIONS) {
    const past = { functions, invocations: 0 };
    sites.push(await makeSite(context, `${count(functions)} functions`, past));
  }
  for (const invocations of INVOCATIONS) {
    const past = { functions: fewFunctions, invocations };
    sites.push(await makeSite(context, `${count(invocations)} invocations`, past));
  }
  const samples: Samples = new Map();
  const rounds = context.isQuick ? 2 : 5;
  await measureStarts(context, sites, samples, rounds);
  await measureOperations(context, sites, samples, rounds);
  for (const site of sites.slice(FUNCTIONS.length)) await measurePurge(context, site, samples);
  const rows = growthRows(sites, samples);
  const clients = await measureClients(context, context.isQuick ? 1 : 3);
  return {
    rows: [...rows, ...clients],
    charts: { ...growthCharts(sites, samples), ...clientCharts(clients) },
    notes: [
      "Growth: the ratio is to 10 functions or to an empty history. The oldest is what a search finds last.",
    ],
  };
}

/** A data directory with such a past. */
async function makeSite(context: Context, label: string, past: Past): Promise<Site> {
  context.progress(`making ${label}`);
  const dataDir = await Deno.makeTempDir({ dir: context.directory, prefix: "site-" });
  let functionId: string;
  {
    await using invoked = await Invoked.start({ dataDir, flags: FLAGS });
    functionId = await invoked.deploy(HELLO);
    await invoked.call(functionId, HELLO)();
    await invoked.server.stop();
  }
  await fill(dataDir, functionId, past);
  return { label, past, dataDir, functionId };
}

async function measureStarts(
  context: Context,
  sites: readonly Site[],
  samples: Samples,
  rounds: number,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const { label, dataDir } of inTurn(sites, round)) {
      context.progress(`round ${round + 1} of ${rounds}: start with ${label}`);
      await pause(SETTLE_MS);
      const start = performance.now();
      await using invoked = await Invoked.start({ dataDir, flags: FLAGS });
      samplesOf(samples, "start", label).push(performance.now() - start);
      await invoked.server.stop();
    }
  }
}

async function measureOperations(
  context: Context,
  sites: readonly Site[],
  samples: Samples,
  rounds: number,
): Promise<void> {
  await using servers = new AsyncDisposableStack();
  const running: { readonly label: string; readonly operations: readonly Operation[] }[] = [];
  for (const site of sites) {
    const invoked = servers.use(await Invoked.start({ dataDir: site.dataDir, flags: FLAGS }));
    const all = await operationsOf(invoked, site);
    for (const { call } of all) await call();
    running.push({ label: site.label, operations: all });
  }
  const count = running[0]?.operations.length ?? 0;
  const times = context.isQuick ? 8 : 20;
  for (let round = 0; round < rounds; round++) {
    context.progress(`round ${round + 1} of ${rounds}: operations`);
    for (let at = 0; at < count; at++) {
      // All sites do the same within a moment.
      for (const { label, operations } of inTurn(running, round + at)) {
        const operation = operations[at];
        if (operation === undefined) continue;
        const { name, pauseMs, call } = operation;
        samplesOf(samples, name, label).push(...(await oneByOne(times, pauseMs, call)).samples);
      }
    }
  }
}

/** Invokes a function while the history of a site is purged. The site cannot be measured after this. */
async function measurePurge(
  context: Context,
  { label, dataDir, functionId }: Site,
  samples: Samples,
): Promise<void> {
  context.progress(`invocations during a purge of ${label}`);
  await using invoked = await Invoked.start({ dataDir, flags: FLAGS });
  const call = invoked.call(functionId, HELLO);
  const times = context.isQuick ? 20 : 100;
  await oneByOne(times, INVOCATION_PAUSE_MS, call);
  const before = new Date().toISOString();
  // The stop of the server interrupts it.
  const purged = invoked.post("/api/v1/functions/-/purge", { before }).catch(() => {});
  const during = await oneByOne(times, INVOCATION_PAUSE_MS, call);
  samplesOf(samples, "invocation during a purge", label).push(...during.samples);
  await invoked.server.stop();
  await purged;
}

interface Operation {
  readonly name: string;
  readonly pauseMs: number;
  readonly call: Call;
}

async function operationsOf(invoked: Invoked, { functionId }: Site): Promise<Operation[]> {
  const path = `/api/v1/functions/${functionId}/invocations`;
  const { list } = await invoked.get(path);
  await indexed(invoked, path);
  const search = (body: unknown) => () => invoked.post(`${path}/search`, body);
  const searchFunctions = (query: string) => () =>
    invoked.post("/api/v1/search/functions", { query });
  const until = SECOND_DAY.toISOString();
  const tomorrow = new Date(Date.now() + MS_PER_DAY).toISOString();
  const read = (name: string, found: number | "some", ask: () => Promise<Found>): Operation => ({
    name,
    pauseMs: 0,
    call: async () => expectFound(name, (await ask()).list.length, found),
  });
  return [
    { name: "call", pauseMs: INVOCATION_PAUSE_MS, call: invoked.call(functionId, HELLO) },
    {
      name: "get invocation",
      pauseMs: 0,
      call: async () => void await invoked.get(`${path}/${list[0].id}`),
    },
    read("list functions", "some", () => invoked.get("/api/v1/functions")),
    read("search functions, newest", "some", searchFunctions("t")),
    read("search functions, oldest", 1, searchFunctions(OLDEST_FUNCTION)),
    read("list invocations", 25, () => invoked.get(path)),
    read("search invocations, all that fit", 25, search({})),
    read(
      "search invocations, status of oldest",
      25,
      search({ status: "FUNCTION_INVOCATION_STATUS_ERROR" }),
    ),
    read(
      "search invocations, running",
      0,
      search({ status: "FUNCTION_INVOCATION_STATUS_RUNNING" }),
    ),
    read("search invocations, time of oldest", 25, search({ until })),
    read("search invocations, newer than all", 0, search({ since: tomorrow })),
    read("search invocations, text of all", 25, search({ query: '{"name":' })),
    read("search invocations, text of oldest", 25, search({ query: NEEDLE })),
    read("search invocations, text of none", 0, search({ query: `un${NEEDLE}` })),
  ];
}

/** Resolves once the texts of the past are indexed: a search then finds the oldest in its first page. */
async function indexed(invoked: Invoked, path: string): Promise<void> {
  for (;;) {
    const { list } = await invoked.post(`${path}/search`, { query: NEEDLE });
    if (list.length > 0) return;
    await pause(SETTLE_MS);
  }
}

interface Found {
  readonly list: readonly unknown[];
}

/** @throws where an answer holds something else than the rows that are there */
function expectFound(name: string, found: number, expected: number | "some"): void {
  if (expected === "some" ? found > 0 : found === expected) return;
  throw new Error(`${name} found ${found} rows, not ${expected}`);
}

function samplesOf(samples: Samples, operation: string, label: string): number[] {
  const byLabel = samples.get(operation) ?? new Map<string, number[]>();
  samples.set(operation, byLabel);
  const found = byLabel.get(label) ?? [];
  byLabel.set(label, found);
  return found;
}

/** The ratio is to the smallest site of the same kind. */
function growthRows(sites: readonly Site[], samples: Samples): Row[] {
  return kindsOf(sites).flatMap((kind) =>
    [...samples.entries()].flatMap(([operation, byLabel]) =>
      withRatios(
        kind.filter(({ label }) => byLabel.has(label)).map(({ label }) =>
          rowOf(
            { part: "growth", measure: operation, subject: label, unit: "ms" },
            byLabel.get(label) ?? [],
          )
        ),
        kind[0]?.label ?? "",
      )
    )
  );
}

/** Sites that differ in their functions, and those that differ in their history. */
function kindsOf(sites: readonly Site[]): Site[][] {
  return [sites.slice(0, FUNCTIONS.length), sites.slice(FUNCTIONS.length)];
}

function growthCharts(sites: readonly Site[], samples: Samples): Record<string, Chart> {
  const [byFunctions = [], byHistory = []] = kindsOf(sites);
  const chart = (title: string, kind: readonly Site[], only: readonly string[]): Chart => ({
    kind: "lines",
    title,
    amount: "milliseconds, median",
    labels: kind.map(({ label }) => label),
    series: only.map((name) => ({
      name: name.replace(INVOCATION_SEARCH, ""),
      values: kind.map(({ label }) => median(samples.get(name)?.get(label) ?? [])),
    })),
  });
  return {
    "growth-functions": chart("What functions cost", byFunctions, [
      "call",
      "list functions",
      "search functions, oldest",
      "start",
    ]),
    "growth-history": chart("What history costs", byHistory, [
      "call",
      "list invocations",
      "start",
    ]),
    "growth-searches": chart("Searches through all invocations of a function", byHistory, [
      "search invocations, status of oldest",
      "search invocations, time of oldest",
      "search invocations, text of all",
      "search invocations, text of oldest",
    ]),
  };
}

const CLIENT_PART = "clients";

async function measureClients(context: Context, rounds: number): Promise<Row[]> {
  await using invoked = await Invoked.start();
  const id = await invoked.deploy(HELLO);
  const kinds = [
    { name: "call", call: invoked.call(id, HELLO) },
    {
      name: "list functions",
      call: async () => void await invoked.get("/api/v1/functions"),
    },
  ] as const;
  const cases = kinds.flatMap((kind) =>
    CLIENTS.map((clients) => ({ ...kind, clients, loads: [] as Load[], rates: [] as number[] }))
  );
  const durationMs = context.isQuick ? 1500 : 4000;
  for (let round = 0; round < rounds; round++) {
    for (const { name, call, clients, loads, rates } of inTurn(cases, round)) {
      context.progress(`round ${round + 1} of ${rounds}: ${name} by ${clients} clients`);
      await pause(SETTLE_MS);
      const load = await saturate(clients, { ms: durationMs }, call);
      loads.push(load);
      rates.push(load.perSecond);
    }
  }
  return cases.flatMap(({ name, clients, loads, rates }) => {
    const row = { part: CLIENT_PART, measure: name, subject: clientLabel(clients) };
    const { samples, rejected } = merge(loads);
    return [rowOf({ ...row, unit: "ms", rejected }, samples), rowOf({ ...row, unit: "/s" }, rates)];
  });
}

function clientLabel(clients: number): string {
  return clients === 1 ? "1 client" : `${clients} clients`;
}

function clientCharts(rows: readonly Row[]): Record<string, Chart> {
  const find = (name: string, clients: number, unit: string) =>
    rows.find((row) =>
      row.measure === name && row.subject === clientLabel(clients) && row.unit === unit
    )?.p50;
  return {
    clients: {
      kind: "lines",
      title: "Clients that never rest",
      amount: "answers a second",
      labels: CLIENTS.map(clientLabel),
      series: ["call", "list functions"].map((name) => ({
        name,
        values: CLIENTS.map((clients) => find(name, clients, "/s")),
      })),
    },
  };
}

function count(number: number): string {
  return number.toLocaleString("en");
}
