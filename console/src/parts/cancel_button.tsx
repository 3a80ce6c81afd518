import { createContext, type ReactNode, useContext } from "react";
import { Button } from "./button.tsx";

/** Closes the dialog around it as Escape does: asks first if that would lose input. */
export const CloseDialog = createContext<() => void>(() => {});

/** The button of a dialog's form that does nothing else. */
export function CancelButton({ children = "Cancel" }: { readonly children?: ReactNode }) {
  const close = useContext(CloseDialog);
  return <Button onClick={close}>{children}</Button>;
}
