/** Lists of the server's resources: their pages in a table, their search, and the button that adds to them. */
import { type ComponentProps, type ReactNode, useMemo, useState } from "react";
import { Button } from "./button.tsx";
import { useCommands } from "./shortcuts.tsx";
import { Loaded } from "./states.tsx";
import { DataTable, moreOf } from "./table.tsx";
import { TypedField } from "./typed_field.tsx";

/** An infinite query of a list. */
interface PagedQuery<T> extends Omit<Parameters<typeof moreOf>[0], "data"> {
  readonly data: { readonly pages: readonly { readonly list: readonly T[] }[] } | undefined;
  refetch(): unknown;
}

type TableProps<T> = ComponentProps<typeof DataTable<T>>;

/** The pages of a list in a table, or its loading or error state. */
export function PagedTable<T>(
  { query, ...table }: Omit<TableProps<T>, "rows" | "more"> & { readonly query: PagedQuery<T> },
) {
  return (
    <Loaded query={query}>
      {({ pages }) => (
        <DataTable
          {...table}
          rows={pages.flatMap(({ list }) => list)}
          more={moreOf(query)}
        />
      )}
    </Loaded>
  );
}

/** The search above the main list of a page; / leads to it. */
export function ListSearch({ label, value, onChange }: {
  /** Where the search looks, such as "Name or description". */
  readonly label: string;
  /** As it is in the address. */
  readonly value: string;
  readonly onChange: (text: string) => void;
}) {
  return (
    <search className="filters">
      <div className="list-search">
        <TypedField label={label} type="search" value={value} onChange={onChange} focusKey />
      </div>
    </search>
  );
}

interface Creation {
  /** Null for readers who may not add to the list. */
  readonly button: ReactNode;
  /** Whether the dialog is open. */
  readonly isOpen: boolean;
  readonly close: () => void;
}

/**
 * What opens the dialog that adds to a list: its button, and a command of the palette.
 * @param label such as "New volume"
 */
export function useCreation(
  label: string,
  isAllowed: boolean,
  look: ComponentProps<typeof Button>["look"] = "primary",
): Creation {
  const [isOpen, setOpen] = useState(false);
  useCommands(useMemo(
    () => isAllowed ? [{ label, group: "This list", run: () => setOpen(true) }] : [],
    [label, isAllowed],
  ));
  const button = isAllowed
    ? <Button look={look} onClick={() => setOpen(true)}>{label}</Button>
    : null;
  return { button, isOpen, close: () => setOpen(false) };
}
