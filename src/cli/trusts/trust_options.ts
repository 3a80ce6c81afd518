import type { Command } from "commander";
import type { TrustChange } from "../client/federation.ts";

export const TRUST_ARGUMENT = "<trust>";
export const TRUST_HELP = "Name or client id";

/** What the flags of a trust give. */
export interface TrustOptions {
  readonly condition?: string;
  readonly role?: string[];
  readonly source?: string[];
  readonly pass?: string[];
  readonly description?: string;
}

/** Adds the flags of a trust but `--condition`. @param empty how an update empties a list, for the help */
export function addTrustOptions(command: Command, empty: string): void {
  command.option(
    "--role <ROLE...>",
    `Ids of roles, or names of built-in ones, that cut its rights${empty}`,
  );
  command.option("--source <NETWORK...>", `Networks from which it may be used${empty}`);
  command.option(
    "--pass <CLAIM...>",
    `Claims whose texts the access token carries in c1wfc${empty}`,
  );
  command.option("--description <TEXT>", "What the trust is for");
}

/** The fields that flags name; an empty value empties a list. */
export function changeOf(
  { condition, role, source, pass, description }: TrustOptions,
): TrustChange {
  const list = (values: string[]) => values.filter((value) => value !== "");
  return {
    ...condition === undefined ? {} : { conditionExpression: condition },
    ...role === undefined ? {} : { scopedRoleIds: list(role) },
    ...source === undefined ? {} : { allowSourceCidrs: list(source) },
    ...pass === undefined ? {} : { passthroughClaims: list(pass) },
    ...description === undefined ? {} : { description },
  };
}
