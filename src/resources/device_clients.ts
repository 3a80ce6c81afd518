/** The public client of `invoked login`. */
export const INVOKED_DEVICE_CLIENT = "invoked-cli";

/** The public client of C1's SDK for Go, with which command lines sign in at C1 tenants. */
export const C1_DEVICE_CLIENT = "2RCzHlak5q7CY14SdBc8HoZEJRf";

/**
 * The public clients that may sign in as devices (RFC 8628), by their ids, with the names that the console shows. They
 * have no secret, so an id proves nothing. The ids of C1's tools are built into those tools.
 */
export const DEVICE_CLIENTS: ReadonlyMap<string, string> = new Map([
  [INVOKED_DEVICE_CLIENT, "invoked"],
  ["2RGdOS94VDferT9e80mdgntl36K", "cone"],
  ["juQSPDsPrdMDpPpR6fGdeLLSs8g", "c1i"],
  [C1_DEVICE_CLIENT, "ConductorOne SDK for Go"],
]);
