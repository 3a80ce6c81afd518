/** Part j: requests to an endpoint when saturated, beside servers of HTTP, and a long upload in little memory. */
import { instancesOf } from "../../tests/support/processes.ts";
import { type Contender, DENO_SERVE, denoServe, workerdFresh } from "../contenders.ts";
import type { Context } from "../context.ts";
import { HttpClient } from "../http_client.ts";
import { Invoked } from "../invoked.ts";
import { pause, saturate } from "../load.ts";
import { memoryOf } from "../process_memory.ts";
import { type PartResult, type Row, rowOf, withRatios } from "../report.ts";
import { inTurn } from "../statistics.ts";
import { checkAnswer, FETCH } from "../workload.ts";

const FULL = { rounds: 4, seconds: 3, uploadMib: 1024 } as const;
const QUICK = { rounds: 2, seconds: 1, uploadMib: 64 } as const;
const CALLERS = 8;
const SETTLE_MS = 1000;
const WARM_UP_INVOCATIONS = 20;
const MIB = 1024 * 1024;
/** MiB of an upload between two looks at the memory. */
const SAMPLE_EVERY_MIB = 8;
const PART = "endpoints";

const COUNT = `export default { fetch: async (request) => {
  let bytes = 0;
  for await (const chunk of request.body) bytes += chunk.length;
  return Response.json({ bytes });
} };
`;

export async function endpoints(context: Context): Promise<PartResult> {
  const plan = context.isQuick ? QUICK : FULL;
  await using server = await Invoked.start({ flags: ["--endpoint-rate", "0"] });
  await using deno = await denoServe(context, FETCH);
  await using workerd = await workerdFresh(
    context,
    FETCH,
    'export { default } from "function.js";',
  );
  using http = new HttpClient(server.server.url);
  const contenders: Contender[] = [
    await endpoint(server, http, "invoked", false),
    await endpoint(server, http, "invoked, reused", true),
    deno,
    workerd,
  ];
  for (const { call } of contenders) for (let n = 0; n < WARM_UP_INVOCATIONS; n++) await call();
  const rates = new Map(contenders.map(({ name }): [string, number[]] => [name, []]));
  for (let round = 0; round < plan.rounds; round++) {
    for (const { name, call } of inTurn(contenders, round)) {
      context.progress(`round ${round + 1} of ${plan.rounds}: ${name} saturated`);
      await pause(SETTLE_MS);
      const { perSecond } = await saturate(CALLERS, { ms: plan.seconds * 1000 }, call);
      rates.get(name)?.push(perSecond);
    }
  }
  const measure = `${CALLERS} callers`;
  const rows = [...rates].map(([subject, samples]) =>
    rowOf({ part: PART, measure, subject, unit: "/s" }, samples)
  );
  context.progress(`an upload of ${plan.uploadMib} MiB`);
  return {
    rows: [...withRatios(rows, DENO_SERVE), ...await upload(server, plan.uploadMib)],
    charts: {},
    notes: [],
  };
}

/** An open endpoint of a function, and requests to this endpoint. */
async function endpoint(
  server: Invoked,
  http: HttpClient,
  name: string,
  isReused: boolean,
): Promise<Contender> {
  const path = await deployEndpoint(server, FETCH.source, isReused);
  const call = async () => {
    const { status, body } = await http.post(path, "", FETCH.input);
    if (status !== 200) throw new Error(`${name} answered ${status}: ${body}`);
    checkAnswer(name, body, FETCH);
  };
  return { name, call };
}

async function deployEndpoint(server: Invoked, source: string, isReused: boolean): Promise<string> {
  const id = await server.deploy({ ...FETCH, source });
  if (isReused) await server.set(id, "processReuse", "PROCESS_REUSE_SEQUENTIAL");
  const slug = `bench-${crypto.randomUUID()}`;
  const http = { slug, auth: "ENDPOINT_AUTH_OPEN" };
  await server.post(`/api/v1/functions/${id}/triggers`, { trigger: { displayName: slug, http } });
  return `/run/${slug}/`;
}

/** An upload that goes through a function: how fast, and the most memory of the server and of the instance meanwhile. */
async function upload(server: Invoked, mib: number): Promise<Row[]> {
  const path = await deployEndpoint(server, COUNT, false);
  const peak = { server: 0, instance: 0 };
  const look = async () => {
    const { pid } = server.server;
    peak.server = Math.max(peak.server, await privateOf(pid));
    // Those that wait have less than the one that runs.
    const instances = await Promise.all(instancesOf(pid).map(privateOf));
    peak.instance = Math.max(peak.instance, ...instances);
  };
  const chunk = new Uint8Array(MIB);
  let sent = 0;
  const body = new ReadableStream({
    async pull(controller) {
      if (sent === mib) return controller.close();
      controller.enqueue(chunk);
      if (++sent % SAMPLE_EVERY_MIB === 0) await look();
    },
  });
  const start = performance.now();
  const response = await fetch(server.server.url + path, { method: "POST", body });
  const seconds = (performance.now() - start) / 1000;
  const { bytes } = await response.json();
  if (bytes !== mib * MIB) throw new Error(`${bytes} bytes arrived of ${mib} MiB`);
  const options = { part: PART, measure: `${mib} MiB up` } as const;
  return [
    rowOf({ ...options, subject: "invoked", unit: "s" }, [seconds]),
    rowOf({ ...options, subject: "invoked", unit: "MB/s" }, [bytes / seconds / 1e6]),
    rowOf({ ...options, subject: "server, peak", unit: "MiB" }, [peak.server]),
    rowOf({ ...options, subject: "instance, peak", unit: "MiB" }, [peak.instance]),
  ];
}

/** Private memory in MiB; 0 of a process that is gone. */
async function privateOf(pid: number): Promise<number> {
  return (await memoryOf(pid))?.privately || 0;
}
