/** The networks from which a credential may be used, in requests. */
import { z } from "@hono/zod-openapi";
import { quoted } from "../config/mod.ts";
import { CREDENTIAL_SETTINGS } from "../resources/principals.ts";
import { normalNetwork } from "../shared/networks.ts";

const { max } = CREDENTIAL_SETTINGS.allowSourceCidrs;

const sourceCidrIn = z.string().transform((text, context) => {
  const network = normalNetwork(text);
  if (network !== undefined) return network;
  context.addIssue({
    code: "custom",
    message: `${
      quoted(text)
    } is not a network such as 192.0.2.0/24 or 2001:db8::/32, or an address`,
  });
  return z.NEVER;
}).openapi({ type: "string", example: "192.0.2.0/24" });

/** Networks in CIDR notation, each once, without host bits. */
export const sourceCidrsIn = z.array(sourceCidrIn).max(max)
  .transform((networks) => [...new Set(networks)])
  .openapi({
    type: "array",
    items: { type: "string" },
    maxItems: max,
    description: "Networks from which the credential works, IPv4 or IPv6; empty: all addresses",
  });
