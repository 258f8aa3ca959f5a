/** A page without photos says why, and what to do. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { PhotoIcon } from "../icons";

interface MessageProps {
  title: string;
  /** The page has its main heading already, above this. */
  under?: boolean;
  children: ComponentChildren;
}

export function Message({ title, under = false, children }: MessageProps) {
  const Heading = under ? "h2" : "h1";
  const heading = useRef<HTMLHeadingElement>(null);
  // It stands where another heading stood until the answer came, and takes the focus that went with that.
  useEffect(() => {
    if (!under && document.activeElement === document.body) heading.current?.focus({ preventScroll: true });
  }, [under]);
  return (
    <section class="message">
      <PhotoIcon />
      <Heading ref={heading} class="message-title" tabIndex={-1}>
        {title}
      </Heading>
      {children}
    </section>
  );
}
