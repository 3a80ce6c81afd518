/** How long the texts are that a process tells of its tests, in UTF-16 units; the server refuses longer ones. */

/** Of a name, a value, a description or a message: somewhat more than the server shows. */
export const TEXT_MAX_UNITS = 5000;
/** Of a stack. */
export const STACK_MAX_UNITS = 8192;
