import { Autocomplete } from "@base-ui/react/autocomplete";
import { Dialog } from "@base-ui/react/dialog";
import { useEffect, useMemo, useState } from "react";
import { visibleText } from "./format.ts";
import { Keys } from "./shortcuts.tsx";

export interface PaletteItem {
  readonly id: string;
  readonly label: string;
  readonly group: string;
  readonly run: () => void;
  /** Keys that do the same without the palette. */
  readonly keys?: string;
}

/** What was typed, and whether Enter followed before its items were there. */
export interface Typed {
  readonly query: string;
  readonly isEntered: boolean;
}

interface PaletteProps {
  readonly onClose: () => void;
  /** Closes the palette, and then runs the item. */
  readonly onChoose: (item: PaletteItem) => void;
  /** What was typed before the palette was there. */
  readonly begin: Typed;
  /** What can be found always. */
  readonly items: readonly PaletteItem[];
  /** Finds more by what was typed. */
  readonly search: (
    query: string,
    signal: AbortSignal,
  ) => Promise<readonly PaletteItem[]>;
}

/** Delay from the last typed letter to a search of the server, in ms. */
const SEARCH_DELAY = 150;

/** Goes anywhere and runs what the page offers, by name (Ctrl+K). */
export function Palette({ onClose, onChoose, begin, items, search }: PaletteProps) {
  const [{ query, isEntered }, setTyped] = useState(begin);
  const found = useFound(query, search);
  const shown = useMemo(() => {
    const words = query.trim().toLowerCase().split(/\s+/);
    const isWanted = ({ label }: PaletteItem) => {
      const text = label.toLowerCase();
      return words.every((word) => text.includes(word));
    };
    return [...items.filter(isWanted), ...found ?? []];
  }, [items, found, query]);
  const isWaiting = shown.length === 0 && found === undefined;
  const [first] = shown;
  useEffect(() => {
    if (!isEntered || isWaiting) return;
    setTyped({ query, isEntered: false });
    if (first !== undefined) onChoose(first);
  });
  return (
    <Dialog.Root open onOpenChange={(next) => next || onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="dialog-backdrop" />
        <Dialog.Popup className="dialog palette" aria-label="Go to or run">
          <Autocomplete.Root
            open
            inline
            items={shown}
            mode="none"
            autoHighlight="always"
            value={query}
            onValueChange={(text) => setTyped({ query: text, isEntered: false })}
            itemToStringValue={(item: PaletteItem) => item.label}
          >
            <Autocomplete.Input
              className="palette-input"
              placeholder="Search pages, functions, ids and commands"
              aria-label="Go to or run"
              onKeyDown={(event) => {
                if (event.key !== "Enter" || event.nativeEvent.isComposing) return;
                if (isWaiting) setTyped({ query, isEntered: true });
              }}
            />
            <Autocomplete.Empty className="palette-empty">
              {isWaiting
                ? "Searching …"
                : "Nothing found. Try a name, an id, or a command such as New function."}
            </Autocomplete.Empty>
            <Autocomplete.List className="palette-list">
              {(item: PaletteItem) => (
                <Autocomplete.Item
                  key={item.id}
                  value={item}
                  className="palette-item"
                  onClick={() => onChoose(item)}
                >
                  <Row item={item} />
                </Autocomplete.Item>
              )}
            </Autocomplete.List>
            <p className="palette-hint">
              <Keys keys="↑ ↓" /> to move, <Keys keys="Enter" /> to choose, <Keys keys="Escape" />
              {" "}
              to close
            </p>
          </Autocomplete.Root>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Row({ item: { label, group, keys } }: { readonly item: PaletteItem }) {
  return (
    <>
      <bdi className="name">{visibleText(label)}</bdi>
      <span className="palette-about muted">
        {group}
        {keys === undefined ? null : <Keys keys={keys} />}
      </span>
    </>
  );
}

/** What the server finds, once the reader pauses; undefined until it answers this very query. */
function useFound(
  query: string,
  search: PaletteProps["search"],
): readonly PaletteItem[] | undefined {
  const [found, setFound] = useState<{ query: string; items: readonly PaletteItem[] }>();
  useEffect(() => {
    const abort = new AbortController();
    const show = (items: readonly PaletteItem[]) => {
      if (!abort.signal.aborted) setFound({ query, items });
    };
    const timer = setTimeout(() => {
      search(query, abort.signal).then(show, () => show([]));
    }, SEARCH_DELAY);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [query, search]);
  return found?.query === query ? found.items : undefined;
}
