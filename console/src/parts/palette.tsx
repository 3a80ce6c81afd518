import { Autocomplete } from "@base-ui/react/autocomplete";
import { Dialog } from "@base-ui/react/dialog";
import { useEffect, useMemo, useState } from "react";
import { visibleText } from "./values.tsx";

export interface PaletteItem {
  readonly id: string;
  readonly label: string;
  readonly group: string;
  readonly run: () => void;
}

/** What was typed, and whether Enter followed before its items were there. */
export interface Typed {
  readonly query: string;
  readonly isEntered: boolean;
}

interface PaletteProps {
  readonly onClose: () => void;
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

/** Goes anywhere by name (Ctrl+K). */
export function Palette({ onClose, begin, items, search }: PaletteProps) {
  const [{ query, isEntered }, setTyped] = useState(begin);
  const found = useFound(query, search);
  const shown = useMemo(() => {
    const wanted = query.trim().toLowerCase();
    return [
      ...items.filter(({ label }) => label.toLowerCase().includes(wanted)),
      ...found ?? [],
    ];
  }, [items, found, query]);
  const choose = (item: PaletteItem) => {
    onClose();
    item.run();
  };
  const isWaiting = shown.length === 0 && found === undefined;
  const [first] = shown;
  useEffect(() => {
    if (!isEntered || isWaiting) return;
    setTyped({ query, isEntered: false });
    if (first !== undefined) choose(first);
  });
  return (
    <Dialog.Root open onOpenChange={(next) => next || onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="dialog-backdrop" />
        <Dialog.Popup className="dialog palette" aria-label="Go to">
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
              placeholder="Go to a page, a function, an invocation id …"
              aria-label="Go to"
              onKeyDown={(event) => {
                if (event.key !== "Enter" || event.nativeEvent.isComposing) return;
                if (isWaiting) setTyped({ query, isEntered: true });
              }}
            />
            <Autocomplete.Empty className="palette-empty">
              {isWaiting ? "Searching …" : "Nothing found"}
            </Autocomplete.Empty>
            <Autocomplete.List className="palette-list">
              {(item: PaletteItem) => (
                <Autocomplete.Item
                  key={item.id}
                  value={item}
                  className="palette-item"
                  onClick={() => choose(item)}
                >
                  <bdi className="name">{visibleText(item.label)}</bdi>
                  <span className="muted">{item.group}</span>
                </Autocomplete.Item>
              )}
            </Autocomplete.List>
          </Autocomplete.Root>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
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
