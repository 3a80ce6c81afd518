/** From the answer of a tenant to the result of the SDK's method. */
import { nestsDeeper } from "../shared/json_text.ts";
import {
  doubtAbout,
  operationLabel,
  type SdkAnswer,
  type TenantAnswer,
  TenantError,
  type TenantErrorCode,
} from "./contract.ts";
import { fieldsOf, type Kind, type TenantOperation } from "./operation_table.ts";
import { expectedOf } from "./scalars.ts";

/** Depth of an answer's JSON; recursion through messages stays within it. */
const ANSWER_DEPTH_MAX = 1000;

/**
 * The result of an answer with the status 200. Fields that the table does not have are kept: C1 is newer than the table.
 * Any field can be null, and values of enums are text that the table does not list.
 * @throws {TenantError} TENANT_SCHEMA_CHANGED for a value of another type than its field; TENANT_NOT_JSON or
 * TENANT_ANSWER_TOO_LARGE for texts that a recording has, and that no client of a tenant lets through
 */
export function answerOf(operation: TenantOperation, answer: TenantAnswer): SdkAnswer {
  const { access, answer: { message, key }, isPaged } = operation;
  const bad: Bad = (why, code = "TENANT_SCHEMA_CHANGED") =>
    new TenantError(code, `${operationLabel(operation)}: ${why}${doubtAbout(access)}`);
  const reading = new Reading(bad);
  return {
    statusCode: answer.status,
    contentType: answer.headers["content-type"] ?? "application/octet-stream",
    key,
    value: reading.message(message, answer.json ?? parsed(answer.body, bad), ""),
    dates: [...reading.dates],
    isPaged,
  };
}

type Bad = (why: string, code?: TenantErrorCode) => TenantError;

function parsed(text: string, bad: Bad): unknown {
  if (nestsDeeper(new TextEncoder().encode(text), ANSWER_DEPTH_MAX)) {
    throw bad(
      `the answer of the tenant nests deeper than ${ANSWER_DEPTH_MAX} levels`,
      "TENANT_ANSWER_TOO_LARGE",
    );
  }
  try {
    return JSON.parse(text);
  } catch {
    throw bad("the answer of the tenant is not JSON", "TENANT_NOT_JSON");
  }
}

function below(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** One walk through an answer. */
class Reading {
  readonly dates = new Set<string>();

  constructor(private readonly bad: Bad) {}

  message(id: string, value: unknown, path: string): unknown {
    const { byName } = fieldsOf(id);
    return Object.fromEntries(
      Object.entries(this.#object(value, path)).map(([name, of]) => {
        const field = byName.get(name);
        if (field === undefined) return [name, of];
        return [field.sdkName, this.#value(field.kind, of, below(path, field.sdkName))];
      }),
    );
  }

  #value(kind: Kind, value: unknown, path: string): unknown {
    if (value === null) return null;
    switch (kind.is) {
      case "list": {
        if (!Array.isArray(value)) throw this.#other(path, "a list");
        const each = below(path, "*");
        return value.map((item) => this.#member(kind.of, item, each));
      }
      case "map": {
        const each = below(path, "*");
        return Object.fromEntries(
          Object.entries(this.#object(value, path))
            .map(([key, of]) => [key, this.#member(kind.of, of, each)]),
        );
      }
      case "message":
        return this.message(kind.id, value, path);
      case "typed": {
        const { "@type": atType, ...additionalProperties } = this.#object(value, path);
        if (!["string", "undefined"].includes(typeof atType)) {
          throw this.#other(below(path, "atType"), "text");
        }
        return {
          ...atType === undefined ? {} : { atType },
          ...Object.keys(additionalProperties).length === 0 ? {} : { additionalProperties },
        };
      }
      case "json":
        return value;
      default: {
        const expected = expectedOf(kind.is, value);
        if (expected !== undefined) throw this.#other(path, expected);
        if (kind.is === "time") this.dates.add(path);
        return kind.is === "longNumber" ? Number(value) : value;
      }
    }
  }

  /** An item of a list or a value of a map. */
  #member(kind: Kind, value: unknown, path: string): unknown {
    if (value === null && kind.is !== "json") throw this.#wrong(path, "is null");
    return this.#value(kind, value, path);
  }

  #object(value: unknown, path: string): Readonly<Record<string, unknown>> {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
    throw this.#other(path, "an object");
  }

  #other(path: string, expected: string): TenantError {
    return this.#wrong(path, `is not ${expected}`);
  }

  #wrong(path: string, how: string): TenantError {
    const where = path === "" ? "" : `${path} in `;
    return this.bad(`${where}the answer of the tenant ${how}`);
  }
}
