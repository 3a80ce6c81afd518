/** The operations of C1's API as methods of the SDK, and who answers them. */
import { nearest } from "../config/mod.ts";
import { operationNames } from "./operation_table.ts";

export { answerOf } from "./answers.ts";
export { findOperation, type TenantOperation } from "./operation_table.ts";
export { requestOf } from "./requests.ts";

/** Who answers a namespace: the tenant, this server, or the tenant where the function has one and else this server. */
type Answerer = "tenant" | "server" | "either";

/** Namespaces that C1 does not have. */
const OF_SERVER_ALONE: readonly string[] = [
  ...["deadLetters", "invocations", "server", "statistics", "triggers", "usage"],
];
/** Namespaces that this server answers, within the rights of the function. */
const OF_SERVER: readonly string[] = [
  ...["auth", "export", "exportsSearch", "functions", "functionsInvocation", "principal", "roles"],
  ...["functionsInvocationSearch", "functionsSearch", "systemLog"],
  ...OF_SERVER_ALONE,
];
const OF_EITHER: readonly string[] = ["user", "userSearch"];

export function answererOf(namespace: string): Answerer {
  if (OF_SERVER.includes(namespace)) return "server";
  return OF_EITHER.includes(namespace) ? "either" : "tenant";
}

/** Whether C1 can have a namespace of `sdk`; false for a namespace that this server alone has. */
export function isOfC1(namespace: string): boolean {
  return !OF_SERVER_ALONE.includes(namespace);
}

/** The methods of each namespace that a tenant answers, in alphabetical order. */
export function methodsByNamespace(): ReadonlyMap<string, readonly string[]> {
  const methods = new Map<string, string[]>();
  for (const name of operationNames()) {
    const [namespace = "", method = ""] = name.split(".");
    const known = methods.get(namespace) ?? [];
    known.push(method);
    methods.set(namespace, known);
  }
  return methods;
}

/** Methods that a message lists. */
const LISTED_MAX = 12;

/** Why a tenant answers no such method, with near names. */
export function unknownMethod(namespace: string, method: string): string {
  const name = `sdk.${namespace}.${method}`;
  if (answererOf(namespace) === "server") {
    return `${name} is not a method of a tenant: this server answers sdk.${namespace}`;
  }
  const namespaces = methodsByNamespace();
  const methods = namespaces.get(namespace);
  if (methods === undefined) {
    const likely = nearest(namespace, [...namespaces.keys()]);
    const hint = likely === undefined ? "" : `: did you mean sdk.${likely}?`;
    return `Unknown namespace sdk.${namespace} of ${name}${hint}`;
  }
  const likely = nearest(method, methods);
  const listed = methods.length > LISTED_MAX
    ? `${methods.slice(0, LISTED_MAX).join(", ")} and ${methods.length - LISTED_MAX} others`
    : methods.join(", ");
  const hint = likely === undefined ? "" : `did you mean sdk.${namespace}.${likely}? `;
  return `Unknown method ${name}: ${hint}sdk.${namespace} has ${listed}`;
}
