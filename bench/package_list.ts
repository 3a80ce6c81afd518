/**
 * The functions of the part `packages`: each is a file in `bench/packages`, which imports its package at the top as the
 * package's README shows, and uses it once a call without a network. What is listed here was fixed before any run.
 */
import { fileURLToPath } from "node:url";
import type { Workload } from "./workload.ts";

const FOLDER = fileURLToPath(new URL("packages/", import.meta.url));

/**
 * What each function answers, by the name of its file. Instead of `googleapis`, which is larger than a commit may be,
 * the package of one of its APIs is measured, as docs/npm.md advises; instead of koa 3.2, which loads `node:v8`, koa 3.1.
 */
const OUTPUTS: Readonly<Record<string, unknown>> = {
  "lodash": { a: 1 },
  "effect": { result: 2 },
  "exceljs": { name: "Ada" },
  "mongodb": { collectionName: "people", name: "Ada" },
  "archiver": { begins: "PK" },
  "firebase-admin": { code: "auth/argument-error" },
  "aws-sdk-client-s3": { length: 3 },
  "aws-sdk-client-dynamodb": { name: "Ada" },
  "xlsx": { csv: "Ada,36" },
  "langchain": { answer: "sunny in Oslo" },
  "openai": { content: "hello" },
  "stripe": { id: "cus_1" },
  "octokit": { login: "ada" },
  "zod": { name: "Ada", age: 36 },
  "ajv": { valid: true },
  "hono": { text: "Hello Hono!" },
  "mcp-server": { content: [{ type: "text", text: "3" }] },
  "date-fns": { end: "2024-03-01" },
  "luxon": { local: "2024-03-31 21:00" },
  "cheerio": { text: "Hello" },
  "kysely": { sql: 'select "name" from "person" where "id" = $1' },
  "drizzle-orm": { sql: 'select "id", "name" from "people" where "people"."id" = $1' },
  "pg": { quoted: '"people"', clients: 0 },
  "mysql2": { sql: "SELECT * FROM people WHERE id = 1" },
  "redis": { open: false },
  "nodemailer": { envelope: { from: "ada@example.com", to: ["bob@example.com"] } },
  "jose": { sub: "ada" },
  "winston": { line: '{"level":"info","message":"hello"}' },
  "pino": { line: '{"level":30,"msg":"hello"}\n' },
  "uuid": { valid: true, named: "cfbff0d1-9375-5685-968c-48ce8b15ae17" },
  "nanoid": { length: 21 },
  "undici": { statusCode: 200, text: "foo" },
  "axios": { name: "Ada" },
  "graphql": { hello: "world" },
  "apollo-server": { hello: "world" },
  "express": { text: "Hello World" },
  "fastify": { hello: "world" },
  "koa": { text: "Hello Koa" },
  "pdf-lib": { pages: 1 },
  "jszip": { text: "Hello World\n" },
  "csv-parse": { rows: [{ name: "Ada", age: "36" }] },
  "fast-xml-parser": { person: { name: "Ada", age: 36 } },
  "marked": { html: "<h1>Hello <em>Ada</em></h1>\n" },
  "handlebars": { text: "Hello Ada" },
  "yaml": { name: "Ada", ages: [36, 37] },
  "ioredis": {
    status: "wait",
    encoded: "*3\r\n$3\r\nset\r\n$3\r\nkey\r\n$5\r\nvalue\r\n",
  },
  "slack-web-api": { ts: "1.0" },
  "googleapis-drive": { name: "report" },
  "jsonwebtoken": { sub: "ada" },
  "langgraph": { text: "Hello, Ada" },
};

/** A function of the part. */
interface PackageWorkload extends Workload {
  /** Name of its file without `.ts`. */
  readonly name: string;
}

/** Reads all functions, in the order of the list. */
export async function readPackageWorkloads(): Promise<readonly PackageWorkload[]> {
  return await Promise.all(
    Object.entries(OUTPUTS).map(async ([name, output]) => ({
      name,
      source: await Deno.readTextFile(`${FOLDER}${name}.ts`),
      input: "{}",
      output: JSON.stringify(output),
    })),
  );
}
