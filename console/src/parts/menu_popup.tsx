import { Menu as Base } from "@base-ui/react/menu";
import { type ReactNode, useRef } from "react";

interface MenuItem {
  readonly label: string;
  readonly onSelect: () => void;
  readonly danger?: boolean;
}

export interface MenuProps {
  /** The name of the button for screen readers, if its content is an icon. */
  readonly label?: string;
  readonly children: ReactNode;
  readonly items: readonly MenuItem[];
}

/** A `Menu` that is open at first. */
export function MenuPopup({ label, children, items }: MenuProps) {
  // The button that had the focus is another element: it made way for this one as the code was loaded.
  const trigger = useRef<HTMLButtonElement>(null);
  return (
    <Base.Root defaultOpen>
      <Base.Trigger ref={trigger} className="button button-normal" aria-label={label}>
        {children}
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner className="popup-layer" sideOffset={4} align="end">
          <Base.Popup
            className="popup menu"
            finalFocus={() => !hasFocusElsewhere() && trigger.current}
          >
            {items.map((item) => (
              <Base.Item
                key={item.label}
                className={`menu-item ${item.danger === true ? "menu-item-danger" : ""}`}
                onClick={item.onSelect}
              >
                {item.label}
              </Base.Item>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

/** Whether an element outside of menus has the focus, as a field of the dialog that an item opened. */
function hasFocusElsewhere(): boolean {
  const { activeElement, body } = document;
  return activeElement !== body && activeElement?.closest("[role=menu]") === null;
}
