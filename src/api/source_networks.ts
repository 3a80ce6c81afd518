/** The networks from which something may be used, in requests. */
import ipaddr from "ipaddr.js";
import { quoted } from "../config/mod.ts";
import { textIn } from "./primitives.ts";

/** A network in CIDR notation. */
export const networkIn = textIn.refine((text) => ipaddr.isValidCIDR(text), {
  error: ({ input }) =>
    `must be a network such as 192.0.2.0/24 or 2001:db8::/32; it is ${quoted(input)}`,
});
