/** Users of NATS as `deploy/nats` makes them, and their connections. */
import { join } from "node:path";
import { parseCreds } from "@nats-io/jwt";
import { fromSeed } from "@nats-io/nkeys";
import {
  type Authenticator,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  PermissionViolationError,
} from "@nats-io/transport-node";
import { makeAccounts, makeNkeyUser, signUser } from "../../src/cluster/credentials/users.ts";
import type { Role } from "../../src/cluster/credentials/permissions.ts";
import { inboxOf } from "../../src/cluster/nats/subjects.ts";
import { connectNats } from "../../src/cluster/nats/transport.ts";
import type { NatsAddress } from "../support/nats.ts";

export interface User {
  readonly id: string;
  readonly authenticator: Authenticator;
}

/** How users come to be: listed in the configuration, or signed for an account. */
interface Form {
  readonly name: string;
  /** The configuration that knows them, and the users. */
  readonly make: (directory: string) => Promise<{ config: string; users: User[] }>;
}

/** One API node and two workers. */
const USERS: readonly (readonly [Role, string])[] = [["api", "1"], ["worker", "1"], [
  "worker",
  "2",
]];

export const FORMS: readonly Form[] = [
  {
    name: "users of a configuration",
    async make(directory) {
      const users: User[] = [];
      for (const [role, name] of USERS) {
        const seed = await Deno.readFile(await makeNkeyUser(directory, role, name));
        const id = fromSeed(seed).getPublicKey();
        users.push({ id, authenticator: nkeyAuthenticator(seed) });
      }
      return { config: await Deno.readTextFile(join(directory, "users.conf")), users };
    },
  },
  {
    name: "users of an account",
    async make(directory) {
      await makeAccounts(directory);
      const users: User[] = [];
      for (const [role, name] of USERS) {
        const creds = await signUser(directory, role, name);
        const { uc } = await parseCreds(creds);
        users.push({ id: uc.sub, authenticator: credsAuthenticator(creds) });
      }
      return { config: await Deno.readTextFile(join(directory, "accounts.conf")), users };
    },
  },
];

/** A connection that notes what NATS denies it. */
export class Connected implements AsyncDisposable {
  #denied: string[] = [];

  private constructor(readonly id: string, readonly nats: NatsConnection) {
    this.#watch();
  }

  static async open({ id, authenticator }: User, { client }: NatsAddress): Promise<Connected> {
    const inboxPrefix = inboxOf(id);
    return new Connected(id, await connectNats({ ...client, authenticator, inboxPrefix }));
  }

  async #watch(): Promise<void> {
    for await (const status of this.nats.status()) {
      if (status.type !== "error") continue;
      const { error } = status;
      const denied = [error, error.cause].find((cause) =>
        cause instanceof PermissionViolationError
      );
      if (denied instanceof PermissionViolationError) {
        this.#denied.push(`${denied.operation} ${denied.subject}`);
      }
    }
  }

  /** What was denied since the last look. NATS answers in order. */
  async denied(): Promise<string[]> {
    await this.nats.flush();
    await new Promise((resolve) => setTimeout(resolve));
    return this.#denied.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nats.close();
  }
}
