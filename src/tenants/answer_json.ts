/**
 * Reads the JSON of answers. A tenant chooses what its answers hold, so their values are bounded, and the server does
 * other work between the steps of a large one.
 */
import { formatCount } from "../config/mod.ts";
import { excessOf } from "../shared/json_text.ts";
import type { TenantError, TenantErrorCode } from "./contract.ts";
import { type Echoes, ECHOES_MAX } from "./echoes.ts";
import { nextStep } from "./steps.ts";

/** Most values of an answer: entries of lists and fields of objects, at all levels. */
export const TENANT_ANSWER_VALUES_MAX = 100_000;
/** Deepest nesting of an answer. */
const DEPTH_MAX_LEVELS = 1_000;
/** Escapes that no text needs, such as `\u0061`: they may hide a secret. */
const NEEDLESS_ESCAPE = /\\[u/]/;

/** JSON, and its text. */
interface AnswerJson<Value> {
  readonly text: string;
  readonly value: Value;
}

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The JSON object that a body is, without secrets of the server.
 * @param bad makes the error of another body
 */
export async function objectIn(
  body: Uint8Array,
  echoes: Echoes,
  bad: (code: TenantErrorCode, why: string) => TenantError,
): Promise<AnswerJson<JsonObject>> {
  const tooLarge = (why: string) => bad("TENANT_ANSWER_TOO_LARGE", `the answer ${why}`);
  const excess = excessOf(body, { levels: DEPTH_MAX_LEVELS, values: TENANT_ANSWER_VALUES_MAX });
  if (excess === "levels") {
    throw tooLarge(`is nested deeper than ${formatCount(DEPTH_MAX_LEVELS)} levels`);
  }
  if (excess === "values") {
    const limit = formatCount(TENANT_ANSWER_VALUES_MAX);
    throw tooLarge(`has more than ${limit} values: ask for smaller pages`);
  }
  await nextStep(body);
  const text = textIn(body);
  await nextStep(body);
  const sent = await plain(jsonIn(text));
  const clean = sent && await echoes.removedFromJson(sent.text);
  if (sent !== undefined && clean === undefined) {
    const limit = formatCount(ECHOES_MAX);
    throw tooLarge(`has the access token or the client secret more than ${limit} times`);
  }
  const json = clean === sent?.text ? sent : jsonIn(clean);
  if (json === undefined) {
    throw bad("TENANT_NOT_JSON", "the answer is not JSON in UTF-8, or was cut");
  }
  if (!isObject(json)) throw bad("TENANT_SCHEMA_CHANGED", "the answer is JSON, but not an object");
  return json;
}

function textIn(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}

/** The JSON that a text is; undefined for anything else. */
function jsonIn(text: string | undefined): AnswerJson<unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    return { text, value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/**
 * The same JSON without needless escapes. Its text is that of its value: the other text may have a secret where no parser
 * finds it, in the first of two fields with one name.
 */
async function plain(
  json: AnswerJson<unknown> | undefined,
): Promise<AnswerJson<unknown> | undefined> {
  if (json === undefined || !NEEDLESS_ESCAPE.test(json.text)) return json;
  await nextStep(json.text);
  return { text: JSON.stringify(json.value), value: json.value };
}

function isObject(json: AnswerJson<unknown>): json is AnswerJson<JsonObject> {
  const { value } = json;
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
