/** Functions with series of their own; the others share the series `other`. */
export const FUNCTIONS_MAX = 500;
