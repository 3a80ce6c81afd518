/** Finds what belongs to a field, among many patterns of fields. */

/** A pattern of fields, without its last names; and what belongs to the pattern of this node itself. */
interface Node<Value> {
  readonly above: Map<string, Node<Value>>;
  own: { readonly at: number; readonly value: Value } | undefined;
}

/** Any one name in a pattern. */
const ANY_NAME = "*";
/** Names of a pattern, and names at the end of a field's path that a search reads. */
export const PATTERN_NAMES_MAX = 8;

/**
 * Values by patterns such as `profile.costCenter` or `profile.*`, from the last name to the first. A commit may have
 * written the patterns, and a server looks up each field of a request: a search visits at most 2 nodes for each node
 * below, and so at most 511 nodes, however many patterns the tree has.
 */
export class FieldTree<Value> {
  readonly #root: Node<Value> = { above: new Map(), own: undefined };
  #count = 0;

  /** @param pattern names joined by dots, at most {@link PATTERN_NAMES_MAX}; case does not count */
  add(pattern: string, value: Value): void {
    let node = this.#root;
    for (const name of pattern.toLowerCase().split(".").toReversed()) {
      const above = node.above.get(name) ?? { above: new Map(), own: undefined };
      node.above.set(name, above);
      node = above;
    }
    node.own ??= { at: this.#count++, value };
  }

  /**
   * The value that was added first, of those whose patterns match the end of a path.
   * @param path the names of the fields down to a value
   * @param accepts whether a value counts
   */
  find(path: readonly string[], accepts: (value: Value) => boolean): Value | undefined {
    if (this.#count === 0) return undefined;
    const names = path.join(".").toLowerCase().split(".").slice(-PATTERN_NAMES_MAX).toReversed();
    let first: Node<Value>["own"];
    let nodes: readonly Node<Value>[] = [this.#root];
    for (const name of names) {
      nodes = nodes.flatMap(({ above }) => [above.get(name), above.get(ANY_NAME)])
        .filter((node) => node !== undefined);
      for (const { own } of nodes) {
        if (own !== undefined && own.at < (first?.at ?? Infinity) && accepts(own.value)) {
          first = own;
        }
      }
    }
    return first?.value;
  }
}
