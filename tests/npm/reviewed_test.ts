/** Reviewed packages start from templates; what the same packages return to their callers keeps functions from one. */
import assert from "node:assert/strict";
import type { Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { loadReportOf } from "../support/load_reports.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";

/** Uses the value of the module code, so that the bundler keeps that code. */
const USE = "export default () => ({ kept: typeof kept });";

/** Module code that takes long enough for a template to matter. */
const SLOW = "let sum = 0; for (let n = 0; n < 1e7; n++) sum = (sum + n) | 0;";

/** Module code that reads in listed functions alone, by the packages that are on the list for it. */
const LISTED: Readonly<Record<string, string>> = {
  "lodash, lodash.js": `import _ from "npm:lodash@4.18.1";
    const kept = _.chunk([1, 2, 3], 2);`,
  "lodash, lodash.min.js": `import _ from "npm:lodash@4.18.1/lodash.min.js";
    const kept = _.chunk([1, 2, 3], 2);`,
  "lodash-es": `import { groupBy, merge } from "npm:lodash-es@4.18.1";
    const kept = merge({}, groupBy([1, 2], String));`,
  "brace-expansion in exceljs": `import ExcelJS from "npm:exceljs@4.4.0";
    const kept = () => new ExcelJS.Workbook();`,
  "brace-expansion in archiver": `import { ZipArchive } from "npm:archiver@8.0.0";
    const kept = () => new ZipArchive();`,
  "bson in mongodb 7": `import { MongoClient } from "npm:mongodb@7.8.0";
    const kept = new MongoClient("mongodb://localhost");`,
  "bson in mongodb 6": `import { MongoClient } from "npm:mongodb@6.20.0";
    const kept = new MongoClient("mongodb://localhost");`,
  "bignumber.js in google-auth-library": `import { JWT } from "npm:google-auth-library@10.9.1";
    const kept = new JWT({ email: "ada@example.com" });`,
  "@aws-sdk/middleware-sdk-s3": `import { S3Client } from "npm:@aws-sdk/client-s3@3.1175.0";
    const kept = new S3Client({ region: "eu-central-1" });`,
  "avvio and pino in fastify": `import Fastify from "npm:fastify@5.6.2";
    const kept = Fastify();
    kept.get("/", () => ({}));
    await kept.ready();`,
  "pino": `import pino from "npm:pino@10.4.0";
    const kept = pino();`,
  "xlsx": `import * as XLSX from "npm:xlsx@0.18.5";
    const kept = XLSX.utils.aoa_to_sheet([["Ada"]]);`,
  "core-js": `import Observable from "npm:core-js@3.51.0/full/observable/index.js";
    const kept = () => Observable;`,
  "immutable": `import { List } from "npm:immutable@5.2.1";
    const kept = List([1, 2, 3]);`,
  "@paralleldrive/cuid2 in superagent": `import request from "npm:superagent@10.4.2";
    const kept = () => request;`,
};

/** Module code that keeps what it reads, and the file and the call that the report names. */
const UNLISTED: Readonly<Record<string, readonly [string, string, string]>> = {
  "lodash returns the time": [
    `import _ from "npm:lodash@4.18.1";
    const kept = _.now();`,
    "npm:lodash@4.18.1/lodash.js",
    "Date.now",
  ],
  "lodash.min.js returns the time": [
    `import _ from "npm:lodash@4.18.1/lodash.min.js";
    const kept = _.now();`,
    "npm:lodash@4.18.1/lodash.min.js",
    "Date.now",
  ],
  "immutable shuffles a list": [
    `import { List } from "npm:immutable@5.2.1";
    const kept = List([1, 2, 3]).shuffle();`,
    "npm:immutable@5.2.1/dist/immutable.es.js",
    "Math.random",
  ],
  "bignumber.js draws a number": [
    `import BigNumber from "npm:bignumber.js@9.3.1";
    const kept = BigNumber.random();`,
    "npm:bignumber.js@9.3.1/bignumber.mjs",
    "Math.random",
  ],
  "bson makes an id": [
    `import { ObjectId } from "npm:bson@7.3.4";
    const kept = new ObjectId();`,
    "npm:bson@7.3.4/lib/bson.node.mjs",
    "crypto.getRandomValues",
  ],
  "cuid2 makes an id": [
    `import { createId } from "npm:@paralleldrive/cuid2@2.3.1";
    const kept = createId();`,
    "npm:@paralleldrive/cuid2@2.3.1/src/index.js",
    "Math.random",
  ],
  "pino returns the time": [
    `import pino from "npm:pino@10.4.0";
    const kept = pino.stdTimeFunctions.epochTime();`,
    "npm:pino@10.4.0/lib/time.js",
    "Date.now",
  ],
  "faker seeds its generator": [
    `import { faker } from "npm:@faker-js/faker@10.6.0";
    const kept = () => faker.person.fullName();`,
    "npm:@faker-js/faker@10.6.0/",
    "Math.random",
  ],
  "an own file has the name of a listed one": [
    `import { kept } from "./brace-expansion@2.1.8/index.js";`,
    "brace-expansion@2.1.8/index.js",
    "Math.random",
  ],
  "an own file has a name with the prefix of packages": [
    `import { kept } from "./npm:brace-expansion@2.1.8/index.js";`,
    "./npm:brace-expansion@2.1.8/index.js",
    "Math.random",
  ],
  "an own file has the comment of a listed one": [
    `const text = \`
// npm:brace-expansion@2.1.8/index.js
\`;
    const kept = Math.random() + text;`,
    "main.ts",
    "Math.random",
  ],
};

/** Further files of the functions, with the names of listed ones. */
const OWN_FILES = {
  "brace-expansion@2.1.8/index.js": "export const kept = Math.random();",
  "npm:brace-expansion@2.1.8/index.js": "export const kept = Math.random();",
};

async function listed({ client }: Stage): Promise<void> {
  const starts: Record<string, Json> = {};
  for (const [name, moduleCode] of Object.entries(LISTED)) {
    const id = await client.deploy(`${moduleCode}\n${USE}`);
    const { start, readings, error } = await loadReportOf(client, id);
    starts[name] = { isTemplate: start !== "INVOCATION_START_LOAD", readings, error };
  }
  const expected = { isTemplate: true, readings: [], error: undefined };
  assert.deepEqual(
    starts,
    Object.fromEntries(Object.keys(LISTED).map((name) => [name, expected])),
  );
}

async function unlisted({ client }: Stage): Promise<void> {
  for (const [name, [moduleCode, file, called]] of Object.entries(UNLISTED)) {
    const id = await client.deploy(`${moduleCode}\n${SLOW}\n${USE}`, OWN_FILES);
    const { readings } = await loadReportOf(client, id);
    assert.ok(
      readings.some((reading: Json) =>
        reading.position.startsWith(file) && reading.called === called
      ),
      `${name}: ${JSON.stringify(readings)}`,
    );
  }
}

/** Bytes of an ObjectId that name the process that made it, as hexadecimal digits. */
const PROCESS_DIGITS = [8, 18] as const;
const INVOCATIONS = 20;

async function differentIds({ client }: Stage): Promise<void> {
  const id = await client.deploy(
    `import { ObjectId } from "npm:mongodb@7.8.0";
    export default () => ({ id: new ObjectId().toHexString() });`,
  );
  await loadReportOf(client, id);
  const ids: string[] = [];
  await eventually(async () => {
    const { body } = await client.invoke(id);
    const { output, processKind } = await client.invocation(id, body.invocationId);
    if (processKind === "PROCESS_KIND_TEMPLATE") ids.push(output.id);
    return ids.length === INVOCATIONS || undefined;
  }, "invocations from a template");
  const processes = ids.map((id) => id.slice(...PROCESS_DIGITS));
  assert.equal(new Set(processes).size, INVOCATIONS, JSON.stringify(ids));
}

/** Age of a template beside which the error of its clocks is small. */
const AGE_MS = 1_000;
/** More than the instances that were forked before and wait. */
const LATER_INVOCATIONS = 5;

async function rightTimes({ client }: Stage): Promise<void> {
  const id = await client.deploy(
    `import pino from "npm:pino@10.4.0";
    let line = "";
    const timestamp = pino.stdTimeFunctions.isoTimeNano;
    const logger = pino({ timestamp }, { write: (text) => line = text });
    export default () => {
      logger.info("hello");
      return JSON.parse(line);
    };`,
  );
  const fromTemplate = async () => {
    const { body } = await client.invoke(id);
    const invocation = await client.invocation(id, body.invocationId);
    return invocation.processKind === "PROCESS_KIND_TEMPLATE" ? invocation : undefined;
  };
  await eventually(fromTemplate, "an invocation from a template");
  await new Promise((resolve) => setTimeout(resolve, AGE_MS));
  for (let n = 0; n < LATER_INVOCATIONS; n++) {
    const { startedAt, output } = await eventually(fromTemplate, "another invocation from it");
    // To milliseconds: no date reads nanoseconds.
    const logged = Date.parse(output.time.replace(/(?<=\.\d{3})\d+(?=Z)/, ""));
    const early = Date.parse(startedAt) - logged;
    assert.ok(early < AGE_MS / 2, `the line has a time ${early} ms before the invocation`);
  }
}

sharedSuite("reviewed packages", {
  "module code that reads in listed functions alone gets a template": listed,
  "what listed packages return to their callers is not on the list": unlisted,
  "a logger that keeps the time of its template writes the time of the line": rightTimes,
  "ObjectIds of invocations from one template differ in the bytes of the process": differentIds,
});
