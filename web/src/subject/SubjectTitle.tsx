/** What the page shows, as its heading; takes the focus when a link led here, so that screen readers say it. */
import { useEffect, useRef } from "preact/hooks";
import { isLong } from "../format";
import { navigation } from "../navigation";

interface SubjectTitleProps {
  before: string;
  name: string;
  /** It is on screen in another form, and read aloud only. */
  unseen?: boolean;
}

export function SubjectTitle({ before, name, unseen = false }: SubjectTitleProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!navigation.arrivedByLink) return;
    navigation.arrivedByLink = false;
    heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <h1 ref={heading} class={unseen ? "visually-hidden" : "subject-title"} tabIndex={-1}>
      <span class="subject-before">{before} </span>
      <span class={`subject-name ${isLong(name) ? "long" : ""}`} title={name} dir="auto">
        {name}
      </span>
    </h1>
  );
}
