/** What tests of the audit log share. */
import assert from "node:assert/strict";
import { Ajv, type ValidateFunction } from "ajv";
import type { Client, Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { OCSF_EVENT } from "./ocsf_schema.ts";

/** One page of events. */
export async function page(client: Client, request: Json = {}): Promise<Json> {
  return ok(await client.post("/api/v1/systemlog/events", { pageSize: 100, ...request }));
}

/** All events that a request finds. */
export async function events(client: Client, request: Json = {}): Promise<Json[]> {
  const found: Json[] = [];
  for (let pageToken = "";;) {
    const { list, nextPageToken } = await page(client, { ...request, pageToken });
    found.push(...list);
    if (nextPageToken === "") return found;
    pageToken = nextPageToken;
  }
}

/** `metadata.uid` of the last event. */
export async function lastUid(client: Client): Promise<string> {
  const { list: [last] } = await page(client, { sortDirection: "SORT_DIRECTION_DESC" });
  return last.metadata.uid;
}

/** What work adds to the log. */
export async function added(client: Client, work: () => Promise<unknown>): Promise<Json[]> {
  const sinceEventUid = await lastUid(client);
  await work();
  return await events(client, { sinceEventUid });
}

export async function verification(client: Client, request: Json = {}): Promise<Json> {
  return ok(await client.post("/api/v1/systemlog/verify", request));
}

let validate: ValidateFunction | undefined;

/** Checks an event against OCSF 1.3. */
export function assertOcsf(event: Json): void {
  validate ??= new Ajv({
    allErrors: true,
    strict: true,
    strictRequired: false,
    formats: {
      ipv4: /^\d{1,3}(?:\.\d{1,3}){3}$/,
      ipv6: /^[0-9a-f:.]+$/i,
    },
  }).compile(OCSF_EVENT);
  const isValid = validate(event);
  assert.ok(isValid, `${JSON.stringify(event)}: ${JSON.stringify(validate.errors)}`);
}

/** The resources of an event, without what is undefined. */
export function resourcesOf(event: Json): Json[] {
  return event.resources.map(({ type, uid, name, namespace, data }: Json) =>
    JSON.parse(JSON.stringify({ type, uid, name, namespace, change: data?.change }))
  );
}
