/** The argument of commands about one volume. */
export const VOLUME_ARGUMENT = "<volume>";
export const VOLUME_HELP = "Name or id of the volume";
