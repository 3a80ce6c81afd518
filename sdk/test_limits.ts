/**
 * What an instance that runs tests and its server agree on. Limits of texts are in UTF-16 units; the server rejects longer ones.
 */

/** The code of the error of a host call about what `registerTests` declares. */
export const INVALID_FIXTURE = "INVALID_FIXTURE";
/** Limit of a name, value, description or message: above what the server shows. */
export const TEXT_MAX_UNITS = 5000;
/** Limit of a stack. */
export const STACK_MAX_UNITS = 8192;
