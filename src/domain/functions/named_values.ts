/** Rules of the secrets and variables of a function. */

/** The names of both. */
export const VALUE_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;
/** The rule of {@link VALUE_NAME} in words. */
export const VALUE_NAME_RULE =
  "1 to 128 letters, digits, underscores, dots and hyphens, beginning with a letter or underscore";

export const SECRETS_MAX = 100;
export const SECRET_VALUE_BYTES_MAX = 64 * 1024;

export const VARIABLES_MAX = 100;
/** Of all names and values of the variables of a function together, in UTF-8. */
export const VARIABLES_BYTES_MAX = 64 * 1024;
