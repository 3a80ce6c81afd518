/** Secrets and variables of functions, the configuration of their invocations. */
import { countOf, exceeds } from "../../config/mod.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { Sealer } from "../../store/sealing.ts";
import { invalid } from "../errors.ts";
import { SECRETS_MAX } from "./named_values.ts";

const decoder = new TextDecoder();

/** Secrets of functions: sealed in the store, opened for an invocation only. */
export class Secrets {
  constructor(
    private readonly store: Store,
    private readonly sealer: Sealer,
  ) {}

  /** The current values by name. */
  async read(functionId: string): Promise<Record<string, string>> {
    const rows = await this.store.read.functions.secrets(functionId);
    const values = rows.map(({ name, sealed }) => {
      return [name, this.#open(sealed, secretContext(functionId, name))] as const;
    });
    return Object.fromEntries(values);
  }

  #open(sealed: Uint8Array, context: string): string {
    try {
      return decoder.decode(this.sealer.open(sealed, context));
    } catch (error) {
      this.store.damage.note(error);
      throw error;
    }
  }

  /**
   * Replaces the secrets of the function: an empty value keeps the stored one, and a missing name is
   * deleted.
   * @param only these names change, and no others; undefined for all
   * @throws INVALID_FIELD for an empty value under a new name, and for too many names
   */
  async write(
    tx: Writers,
    functionId: string,
    secrets: Readonly<Record<string, string>>,
    only: ReadonlySet<string> | undefined,
  ): Promise<void> {
    const stored = await tx.functions.secretNames(functionId);
    const isOf = (name: string) => only === undefined || only.has(name);
    const given = Object.entries(secrets).filter(([name]) => isOf(name));
    for (const [name, value] of given) {
      if (value === "" && !stored.includes(name)) {
        throw invalid({ field: `function.secret.${name}`, description: "is new and has no value" });
      }
      if (value === "") continue;
      const plain = new TextEncoder().encode(value);
      const sealed = this.sealer.seal(plain, secretContext(functionId, name));
      await tx.functions.putSecret(functionId, name, sealed);
    }
    const kept = [...stored.filter((name) => !isOf(name)), ...given.map(([name]) => name)];
    if (kept.length > SECRETS_MAX) {
      const description = exceeds(kept.length, SECRETS_MAX, (names) => countOf(names, "name"));
      throw invalid({ field: "function.secret", description });
    }
    // One by one: the audit log names each.
    for (const name of stored) {
      if (!kept.includes(name)) await tx.functions.deleteSecret(functionId, name);
    }
  }
}

/** The context that the sealed value of a secret is bound to. */
export function secretContext(functionId: string, name: string): string {
  return `secret:${functionId}:${name}`;
}

/** The stored form of no variables. */
export const NO_VARIABLES = "{}";
