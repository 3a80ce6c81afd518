/** Limits of the texts that an instance sends of its tests, in UTF-16 units; the server rejects longer ones. */

/** Limit of a name, value, description or message: above what the server shows. */
export const TEXT_MAX_UNITS = 5000;
/** Limit of a stack. */
export const STACK_MAX_UNITS = 8192;
