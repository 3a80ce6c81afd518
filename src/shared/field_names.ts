/** The two spellings of the name of a field in protobuf's JSON mapping: `commitId` and `commit_id`. */

/** The name in snake_case, as a `.proto` file has it. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The name in camelCase, as JSON has it. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
