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

export interface PaletteProps {
  readonly open: boolean;
  readonly onClose: () => void;
  /** What was typed before the palette was there. */
  readonly begin: string;
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
export function Palette({ open, onClose, begin, items, search }: PaletteProps) {
  const [query, setQuery] = useState(begin);
  const found = useFound(open, query, search);
  const shown = useMemo(() => {
    const wanted = query.trim().toLowerCase();
    return [
      ...items.filter(({ label }) => label.toLowerCase().includes(wanted)),
      ...found,
    ];
  }, [items, found, query]);
  const close = () => {
    setQuery("");
    onClose();
  };
  const choose = (item: PaletteItem) => {
    close();
    item.run();
  };
  return (
    <Dialog.Root open={open} onOpenChange={(next) => next || close()}>
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
            onValueChange={setQuery}
            itemToStringValue={(item: PaletteItem) => item.label}
          >
            <Autocomplete.Input
              className="palette-input"
              placeholder="Go to a page, a function, an invocation id …"
              aria-label="Go to"
            />
            <Autocomplete.Empty className="palette-empty">
              Nothing found
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

/** What the server finds, once the reader pauses. */
function useFound(
  open: boolean,
  query: string,
  search: PaletteProps["search"],
): readonly PaletteItem[] {
  const [found, setFound] = useState<readonly PaletteItem[]>([]);
  useEffect(() => {
    if (!open) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      search(query, abort.signal).then(setFound, () => setFound([]));
    }, SEARCH_DELAY);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [open, query, search]);
  return found;
}
