import { createHash } from "node:crypto";
import { type Sealer, SealingError } from "../../../store/sealing.ts";
import type { SignInChecks } from "./provider.ts";

/** How long a person may take to sign in at the provider. */
export const TRANSACTION_LIFETIME_MS = 10 * 60 * 1000;
const CONTEXT = "oidc-transaction";

/** A sign-in between its beginning and the provider's response. */
export interface Transaction extends SignInChecks {
  /** The page of the console to which the browser returns. */
  readonly returnTo: string;
  /** The session that the browser had at the beginning; it ends with the new one. */
  readonly earlierSessionId?: string;
  /** Whether the person becomes an owner, because that session is one of an owner. */
  readonly makesOwner: boolean;
  readonly expiresAt: string;
}

/** Seals transactions for the cookie of their browser: any node can open one, and nobody else can read or change it. */
export class Transactions {
  constructor(private readonly sealer: Pick<Sealer, "seal" | "open">) {}

  seal(transaction: Transaction): string {
    const plain = new TextEncoder().encode(JSON.stringify(transaction));
    return Buffer.from(this.sealer.seal(plain, CONTEXT)).toString("base64url");
  }

  /** Undefined for a text that is no transaction of this installation, and for an expired transaction. */
  open(sealed: string): Transaction | undefined {
    try {
      const plain = this.sealer.open(Buffer.from(sealed, "base64url"), CONTEXT);
      const transaction = JSON.parse(new TextDecoder().decode(plain)) as Transaction;
      return Date.now() < Date.parse(transaction.expiresAt) ? transaction : undefined;
    } catch (error) {
      if (error instanceof SealingError) return undefined;
      throw error;
    }
  }
}

/** What is recorded of a transaction once the provider's response has used it. */
export function fingerprintOf({ state }: Transaction): string {
  return createHash("sha256").update(`oidc ${state}`).digest("base64url");
}
