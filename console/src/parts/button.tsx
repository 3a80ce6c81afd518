import type { ComponentPropsWithRef, ReactNode } from "react";

interface ButtonProps extends ComponentPropsWithRef<"button"> {
  /** `plain` has no border until it is pointed at; `danger` destroys something. */
  readonly look?: "primary" | "normal" | "plain" | "danger";
  /** Says that the button works. It does nothing meanwhile and keeps the focus, which a disabled one loses. */
  readonly busy?: boolean;
  readonly icon?: ReactNode;
}

export function Button(
  { look = "normal", busy = false, icon, children, ...rest }: ButtonProps,
) {
  return (
    <button
      type="button"
      {...rest}
      className={`button button-${look} ${rest.className ?? ""}`}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : rest.onClick}
    >
      {icon}
      {children}
    </button>
  );
}
