/** What Vite adds to modules. */
interface ImportMeta {
  glob<T>(
    patterns: readonly string[],
    options: { readonly eager: true; readonly query: "?raw"; readonly import: "default" },
  ): Record<string, T>;
}
