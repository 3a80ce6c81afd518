import { z } from "@hono/zod-openapi";
import { quoted } from "../../config/mod.ts";
import { camelCase, snakeCase } from "../../shared/field_names.ts";
import { messageReader } from "./of_schema.ts";
import {
  addSentTwice,
  addViolation,
  type Findings,
  isObject,
  type MessageReader,
  type UnknownFields,
  type Violation,
} from "./readers.ts";

/** The messages of a request, as JSON. */
export interface Messages {
  readonly params: unknown;
  readonly query: unknown;
  /** The message, or bytes, which stay as they are. */
  readonly body: unknown;
}

/** The schemas of the messages of a request; an absent message has no fields. */
interface Schemas {
  readonly params?: z.ZodObject | undefined;
  readonly query?: z.ZodObject | undefined;
  /** `bytes` for a body that is no message. */
  readonly body?: z.ZodObject | "bytes" | undefined;
}

const NO_FIELDS = z.object({});

/** Reads the requests of one operation, for any transport. */
export class RequestReader {
  readonly #params: MessageReader;
  readonly #query: MessageReader;
  readonly #body: MessageReader | undefined;
  /**
   * Path parameters with their spellings, if unknown fields are violations: a message may repeat them, since they are fields
   * of the message in C1's definition of a request.
   */
  readonly #pathFields: readonly (readonly [name: string, spellings: ReadonlySet<string>])[];

  /**
   * @param destroys whether unknown fields are violations
   * @throws TypeError for a schema that no reader can be made of
   */
  constructor(
    { params = NO_FIELDS, query = NO_FIELDS, body = NO_FIELDS }: Schemas,
    destroys: boolean,
  ) {
    const unknown = (noun: "field" | "query parameter"): UnknownFields =>
      destroys ? { noun, of: "operation" } : "ignored";
    this.#params = messageReader(params, "ignored");
    this.#query = messageReader(query, unknown("query parameter"));
    this.#body = body === "bytes" ? undefined : messageReader(body, unknown("field"));
    const names = destroys ? Object.keys(params.shape) : [];
    this.#pathFields = names.map((name) => [name, new Set([snakeCase(name), camelCase(name)])]);
  }

  /**
   * Prepares the messages for their schemas, in place. An absent message is `{}`.
   * @returns the messages, with the violations of names and of the numbers of entries
   * @throws BODY_NOT_JSON if a message nests too deeply
   */
  read(sent: Messages): Messages & { readonly violations: readonly Violation[] } {
    const params = sent.params ?? {};
    const query = sent.query ?? {};
    const found: Findings = { violations: [], entries: 0 };
    const { violations } = found;
    const mayRepeatPath = this.#pathFields.length > 0;
    this.#params.read(params, 0, found);
    if (mayRepeatPath) this.#dropPathFields(this.#query, query, params, found);
    this.#query.read(query, 0, found);
    if (this.#body === undefined) return { params, query, body: sent.body, violations };
    const body = sent.body ?? {};
    if (mayRepeatPath) this.#dropPathFields(this.#body, body, params, found);
    this.#body.read(body, 0, found);
    return { params, query, body, violations };
  }

  /** Removes what a message repeats of the path, so that the reader finds it unknown only if it is not the same. */
  #dropPathFields(
    reader: MessageReader,
    message: unknown,
    params: unknown,
    found: Findings,
  ): void {
    if (!isObject(message) || !isObject(params)) return;
    for (const [name, spellings] of this.#pathFields) {
      const sent = [...spellings].filter((each) =>
        Object.hasOwn(message, each) && !reader.has(each)
      );
      for (const spelling of sent) {
        const value = message[spelling];
        delete message[spelling];
        if (value === null || value === params[name]) continue;
        addViolation(found, spelling, `must be as in the path, ${quoted(params[name])}, or absent`);
      }
      const [first = "", second] = sent;
      if (second !== undefined) addSentTwice(found, first, second);
    }
  }
}
