import { Secret } from "../../config/mod.ts";
import type { TenantClient } from "../client/tenants.ts";
import { UsageFailure } from "../terminal/failure.ts";
import { readSecretText } from "./input.ts";

/** The client of an id, with its secret from stdin or a prompt. @throws {Failure} for an empty secret */
export async function readClient(clientId: string): Promise<TenantClient> {
  const secret = await readSecretText("Client secret", "give the secret on stdin");
  if (secret !== "") return { clientId: clientId.trim(), clientSecret: new Secret(secret) };
  throw new UsageFailure("The client secret is empty", {
    next: "give it on stdin, or at the prompt of a terminal",
  });
}
