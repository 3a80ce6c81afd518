import type { Command } from "commander";
import type { Api } from "../client/api.ts";
import type { TrustChange } from "../client/federation.ts";
import { addRoleOption, addSourceOption, valuesGiven } from "../options/identity_arguments.ts";

export const TRUST_ARGUMENT = "<trust>";
export const TRUST_HELP = "Name or client id of the trust";

/** What the flags of a trust give. */
export interface TrustOptions {
  readonly condition?: string;
  readonly role?: readonly string[];
  readonly source?: readonly string[];
  readonly pass?: readonly string[];
  readonly description?: string;
}

/** Adds the flags of a trust but `--condition`. @param end of the help of lists */
export function addTrustOptions(command: Command, end: string): void {
  addRoleOption(command, "the trust, which limit it", end);
  addSourceOption(command, end);
  command.option("--pass <CLAIM...>", `Claims whose texts the access token carries in c1wfc${end}`);
  command.option("--description <TEXT>", "What the trust is for");
}

/** The fields that flags name; an empty value empties a list. */
export async function changeOf(api: Api, options: TrustOptions): Promise<TrustChange> {
  const { condition, description } = options;
  const [role, source, pass] = [options.role, options.source, options.pass].map(valuesGiven);
  return {
    ...condition === undefined ? {} : { conditionExpression: condition },
    ...role === undefined ? {} : { scopedRoleIds: await api.roles.idsOf(role) },
    ...source === undefined ? {} : { allowSourceCidrs: source },
    ...pass === undefined ? {} : { passthroughClaims: pass },
    ...description === undefined ? {} : { description },
  };
}
