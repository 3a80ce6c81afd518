import { type Command, Option } from "commander";
import { UsageFailure } from "../terminal/failure.ts";

/** The flags that have no effect at a tenant: flags that name a server, and flags of features that C1 lacks. */
const REPLACED = ["server", "profile", "data", "config"];
const WITHOUT_TENANT = ["prune", "var"];

/** `--tenant`, for the commands that move a function to or from a tenant. */
export function tenantOption(...conflicts: readonly string[]): Option {
  return new Option(
    "--tenant <TENANT>",
    "Tenant of C1: a profile of invoked login, or that of the CONDUCTORONE_* variables",
  ).conflicts([...conflicts]);
}

/** The flags of a deploy that count for a tenant alone. */
export interface TenantOptions {
  readonly tenant?: string;
  readonly yes?: true;
  readonly head?: string;
  readonly tag?: string;
  readonly secrets?: string;
  readonly secret?: readonly string[];
}

/** Adds the flags of a deploy to a tenant. */
export function addTenantOptions(command: Command): void {
  command
    .addOption(tenantOption(...REPLACED, ...WITHOUT_TENANT))
    .option("--yes", "With --tenant: deploy; without it the differences are printed")
    .option("--head <COMMIT>", "With --tenant: deploy only if this commit is the head, or none")
    .option("--tag <NAME>", "With --tenant: tag the commit")
    .option("--secrets <FILE>", "With --tenant: set the secrets in a file of NAME=value lines")
    .option("--secret <SECRET...>", "With --tenant: set these secrets; a prompt asks for values");
}

/** @throws {Failure} for a flag that counts for a tenant alone, without a tenant */
export function needTenant({ tenant, yes, head, tag, secrets, secret }: TenantOptions): void {
  if (tenant !== undefined) return;
  const given = Object.entries({ yes, head, tag, secrets, secret })
    .find(([, value]) => value !== undefined);
  if (given === undefined) return;
  throw new UsageFailure(
    `Option --${given[0]} needs --tenant: it is for deploys to a tenant of C1`,
    { next: `give --tenant, or omit --${given[0]}` },
  );
}
