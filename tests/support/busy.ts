/** Module code that takes milliseconds, in one line: more than that of scripts that need no template. */
export const BUSY = "{ let spins = 0; for (let n = 0; n < 3e6; n++) spins += n % 7; }";
