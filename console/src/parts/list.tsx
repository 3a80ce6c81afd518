/** Lists of the server's resources: their pages in a table, their search, and the button that adds to them. */
import { Link, useNavigate } from "@tanstack/react-router";
import { type ComponentProps, type ReactNode, useMemo, useState } from "react";
import { Button, Menu } from "./button.tsx";
import { Icon } from "./icon.tsx";
import { useCommands } from "./shortcuts.tsx";
import { Empty, Loaded } from "./states.tsx";
import { type Column, DataTable, moreOf } from "./table.tsx";
import { TypedField } from "./typed_field.tsx";

/** An infinite query of a list. */
interface PagedQuery<T> extends Omit<Parameters<typeof moreOf>[0], "data"> {
  readonly data: { readonly pages: readonly { readonly list: readonly T[] }[] } | undefined;
  refetch(): unknown;
}

type TableProps<T> = ComponentProps<typeof DataTable<T>>;

/** The pages of a list in a table, or its loading or error state. */
export function PagedTable<T>(
  { query, loading, ...table }: Omit<TableProps<T>, "rows" | "more"> & {
    readonly query: PagedQuery<T>;
    readonly loading?: ReactNode;
  },
) {
  return (
    <Loaded query={query} loading={loading}>
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

/** Something that readers with a permission may do to a row. */
export interface RowAction<T, Permission extends string> {
  /** Such as "Edit"; it opens a dialog. */
  readonly verb: string | ((row: T) => string);
  readonly permission: Permission;
  readonly danger?: true;
  readonly dialog: (row: T, onClose: () => void) => ReactNode;
}

/**
 * The columns of a list with a menu for each row, and the dialog that an item of a menu has opened.
 * @param nameOf the name of a row for its menu; undefined for a row without one
 */
export function useRowActions<T, Permission extends string>({ columns, actions, may, nameOf }: {
  readonly columns: readonly Column<T>[];
  readonly actions: readonly RowAction<T, Permission>[];
  readonly may: (permission: Permission) => boolean;
  readonly nameOf: (row: T) => string | undefined;
}): { readonly columns: readonly Column<T>[]; readonly dialog: ReactNode } {
  const [asked, setAsked] = useState<{ row: T; action: RowAction<T, Permission> }>();
  const all = useMemo(() => {
    const allowed = actions.filter(({ permission }) => may(permission));
    if (allowed.length === 0) return columns;
    const cell = (row: T) => {
      const name = nameOf(row);
      if (name === undefined) return null;
      const items = allowed.map((action) => ({
        label: `${typeof action.verb === "string" ? action.verb : action.verb(row)} …`,
        danger: action.danger === true,
        onSelect: () => setAsked({ row, action }),
      }));
      return (
        <Menu label={`Actions of ${name}`} items={items}>
          <Icon name="more" />
        </Menu>
      );
    };
    return [
      ...columns,
      { header: "Action", width: "64px", align: "end", cell } as const,
    ];
  }, [columns, actions, may, nameOf]);
  return { columns: all, dialog: asked?.action.dialog(asked.row, () => setAsked(undefined)) };
}

/** The pages whose list has a search, which the address keeps as `q`. */
type SearchedPage = "/functions" | "/access/people" | "/access/federation";

/** The search above the main list of a page; / leads to it. */
export function ListSearch({ page, label, value }: {
  readonly page: SearchedPage;
  /** Where the search looks, such as "Name or description". */
  readonly label: string;
  /** As it is in the address. */
  readonly value: string;
}) {
  const navigate = useNavigate();
  const search = (q: string) =>
    void navigate({ to: page, search: q === "" ? {} : { q }, replace: true });
  return (
    <search className="filters">
      <div className="list-search">
        <TypedField label={label} type="search" value={value} onChange={search} focusKey />
      </div>
    </search>
  );
}

/** What a list says that its search leaves empty. */
export function NothingFound({ page, title, children }: {
  readonly page: SearchedPage;
  readonly title: string;
  readonly children?: ReactNode;
}) {
  return (
    <Empty title={title} action={<Link to={page} className="button">Clear the search</Link>}>
      {children}
    </Empty>
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
