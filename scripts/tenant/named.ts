/** The operations of C1's document under the names that the SDK has for them, or would have. */
import type { Document, Field, Operation, Parameter } from "./document.ts";
import type { SdkNames, Shown } from "./sdk_names.ts";

export interface NamedOperation {
  readonly operation: Operation;
  readonly namespace: string;
  readonly method: string;
  /** The key of the body beside parameters. */
  readonly bodyKey: string | undefined;
  readonly answerKey: string;
}

/** Names operations, parameters and fields: as the SDK does, and by its rules what is newer than the SDK. */
export class Names {
  readonly #document: Document;
  readonly #sdk: SdkNames;

  constructor(document: Document, sdk: SdkNames) {
    this.#document = document;
    this.#sdk = sdk;
  }

  /** By namespace and method. */
  operations(): readonly NamedOperation[] {
    return this.#document.operations.map((operation) => this.#named(operation))
      .toSorted((a, b) => compare(nameOf(a), nameOf(b)));
  }

  field(message: string, { name, kind, isNullable }: Field): Shown {
    const known = this.#sdk.fields.get(`${message}.${name}`);
    const ruled = name === "@type" ? "atType" : name;
    return known ?? { name: ruled, isNumber: kind.is === "long", isNullable };
  }

  /** Whether requests leave the field out. */
  isReadOnly(message: string, { name, isReadOnly }: Field): boolean {
    return isReadOnly && !this.#sdk.sent.has(`${message}.${name}`);
  }

  parameter(operation: string, { name, kind, isNullable }: Parameter): Shown {
    const known = this.#sdk.fields.get(`${operation}.${name}`);
    return known ?? { name: camelCase(name), isNumber: kind.is === "long", isNullable };
  }

  #named(operation: Operation): NamedOperation {
    const { id, group, override, parameters, request, response } = operation;
    const known = this.#sdk.keys.get(id);
    const ruled = request === undefined ? undefined : this.#keyOf(request);
    return {
      operation,
      namespace: this.#sdk.methods.get(id)?.namespace ?? this.#namespaceOf(group),
      method: this.#sdk.methods.get(id)?.method ?? lowerAcronym(override),
      bodyKey: parameters.length === 0 ? undefined : known?.body ?? ruled,
      answerKey: known?.answer ?? this.#keyOf(response),
    };
  }

  #keyOf(message: string): string {
    const name = this.#document.messages.get(message)?.name ?? message;
    return name.slice(0, 1).toLowerCase() + name.slice(1);
  }

  /** The name that the SDK has for another operation of the group. */
  #namespaceOf(group: string): string {
    const rule = lowerAcronym(group);
    const known = [...this.#sdk.methods.values()].map(({ namespace }) => namespace);
    return known.find((name) => name.toLowerCase() === rule.toLowerCase()) ?? rule;
  }
}

export function nameOf({ namespace, method }: NamedOperation): string {
  return `${namespace}.${method}`;
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `SSFReceiver` is `ssfReceiver`, and `Apps` is `apps`. */
function lowerAcronym(name: string): string {
  return name.replace(/^[A-Z]+(?![a-z])|^[A-Z]/, (letters) => letters.toLowerCase());
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
