/** The query language by examples, each of which is a query that the server takes; `#TAG` stands for a tag that exists. */

export interface Example {
  query: string;
  means: string;
}

export const EXAMPLES: { title: string; examples: Example[] }[] = [
  {
    title: "Words",
    examples: [
      { query: "flowers", means: "written of the photo, or seen in it" },
      { query: '"still life"', means: "these words together" },
      { query: "sea -boat", means: "less of it" },
      { query: "2:sea sky", means: "counts twice" },
    ],
  },
  {
    title: "Looks",
    examples: [
      { query: "colour:teal", means: "a colour, or #008080" },
      { query: "colour:navy@40% colour:gold", means: "two, one of them on 40 % of the photo" },
      { query: "style:minimalist", means: "a style, also one that you taught" },
      { query: 'style:"black and white"', means: "names of several words go in quotes" },
      { query: "photo:1 flowers", means: "like a photo of the collection, and with flowers" },
      { query: "photo:1[0,0,0.5,0.5]", means: "like a part of it: left, top, width, height" },
    ],
  },
  {
    title: "Tags",
    examples: [
      { query: "#TAG", means: "with this tag" },
      { query: "auto:label=", means: "with such a machine tag, whatever its value" },
      { query: "exif:*=", means: "any fact of the camera" },
    ],
  },
  {
    title: "Only some photos",
    examples: [
      { query: "since:2019-06 until:2020", means: "taken in this time" },
      { query: "on:12-24", means: "on this day of any year; on:12 in this month" },
      { query: "season:summer", means: "spring, summer, autumn or winter" },
      { query: "near:52.5,13.4,10km", means: "taken near a place, or near:photo:12" },
      { query: "orientation:portrait", means: "or landscape, square" },
      { query: "format:jpeg,png", means: "of these formats" },
      { query: "quality>0.6", means: "also sharpness, contrast, noise, megapixels" },
      { query: "nsfw<0.5", means: "without what may be pornography" },
    ],
  },
  {
    title: "Order",
    examples: [
      { query: "sea order:time", means: "the newest of the good ones first; order:quality the best" },
      { query: "sea cut:yes", means: "ends where chance begins" },
      { query: "photo:1 dial:colour=1", means: "how much colour counts; also content, composition" },
    ],
  },
];
