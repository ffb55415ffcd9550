//! The little XML that GDAL writes, as a tree.

use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesRef, BytesStart, Event},
};

/// Deeper documents are refused: GDAL's have five levels.
const MAX_DEPTH: usize = 32;

/// An element with its attributes, children and text.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    /// Text between the tags, without the text of children, trimmed.
    pub(super) text: String,
}

impl Element {
    /// Value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The children of a name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.all(name).next()
    }

    /// Text of the first child of a name.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }
}

/// The root element of a document, or why there is none.
pub(super) fn parse(document: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(document);
    // The elements that are open; the first holds the document.
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) => open.push(element(&tag)?),
            Event::Empty(tag) => {
                let child = element(&tag)?;
                innermost(&mut open).children.push(child);
            }
            Event::End(_) => {
                let mut closed = open.pop().expect("the reader checks that tags match");
                closed.text = closed.text.trim().to_owned();
                innermost(&mut open).children.push(closed);
            }
            Event::Text(text) => {
                let text = text.decode().map_err(|error| error.to_string())?;
                innermost(&mut open).text.push_str(&text);
            }
            Event::CData(text) => {
                let text = text.decode().map_err(|error| error.to_string())?;
                innermost(&mut open).text.push_str(&text);
            }
            Event::GeneralRef(entity) => innermost(&mut open).text.push_str(&resolve(&entity)?),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
        if open.len() > MAX_DEPTH {
            return Err(format!("elements are nested more than {MAX_DEPTH} deep"));
        }
    }
    if open.len() > 1 {
        return Err(format!("<{}> is not closed", innermost(&mut open).name));
    }
    let root = innermost(&mut open).children.drain(..).next();
    root.ok_or_else(|| "no element".to_owned())
}

fn innermost(open: &mut [Element]) -> &mut Element {
    open.last_mut().expect("the document itself is never closed")
}

fn element(tag: &BytesStart) -> Result<Element, String> {
    let name = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        let value = attribute.unescape_value().map_err(|error| error.to_string())?;
        attributes.push((key, value.into_owned()));
    }
    Ok(Element { name, attributes, ..Element::default() })
}

fn resolve(entity: &BytesRef) -> Result<String, String> {
    if let Some(character) = entity.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(character.to_string());
    }
    let name = entity.decode().map_err(|error| error.to_string())?;
    match resolve_predefined_entity(&name) {
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("unknown entity &{name};")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_attributes_and_entities_are_read() {
        let root = parse(r#"<?xml version="1.0"?><a n="1 &amp; 2"><b/><b> x &lt; &#233; </b></a>"#);
        let root = root.unwrap();
        assert_eq!((root.name.as_str(), root.attribute("n")), ("a", Some("1 & 2")));
        let texts: Vec<&str> = root.all("b").map(|child| child.text.as_str()).collect();
        assert_eq!(texts, ["", "x < \u{e9}"]);
    }

    #[test]
    fn broken_documents_are_refused() {
        for document in ["", "text", "<a>", "<a></b>", "<a>&nope;</a>", "<a b></a>"] {
            assert!(parse(document).is_err(), "{document}");
        }
        assert!(parse(&"<a>".repeat(100_000)).is_err());
    }
}
