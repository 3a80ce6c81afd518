/** Where the value of a setting comes from. */
export type Source = "flag" | "variable" | "file" | "default";
