//! Paths in tokens, regardless of what a macro makes of them.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{LitStr, Path, UseTree};

use super::mention::{Mention, Role};

/// Returns the paths in the arguments or the definition of a macro.
pub(crate) fn in_macro(tokens: &TokenStream) -> Vec<Mention> {
    let mut found = Vec::new();
    collect(tokens.clone(), &mut found);
    found
}

/// Returns the paths in an attribute, which can also be in quotes, as in `#[serde(default = "super::port")]`.
pub(crate) fn in_attribute(tokens: &TokenStream) -> Vec<Mention> {
    let mut found = in_macro(tokens);
    collect_quoted(tokens.clone(), &mut found);
    found
}

fn collect(tokens: TokenStream, found: &mut Vec<Mention>) {
    let mut path = OpenPath::default();
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(word) if word == "use" => {
                let tree: Vec<_> = tokens.clone().take_while(|token| !is(token, ';')).collect();
                // Otherwise it is `impl Trait + use<'a>`, or contains parts that the macro inserts.
                let words = tree.len();
                if let Ok(tree) = syn::parse2::<UseTree>(without_dollars(tree)) {
                    found.extend(Mention::of_tree(&tree));
                    tokens.by_ref().take(words).for_each(drop);
                }
                path = OpenPath::default();
            }
            TokenTree::Ident(word) => found.extend(path.word(word)),
            TokenTree::Punct(mark) if mark.as_char() == ':' => path.colons += 1,
            // `$crate` is `crate`; any other is a part that the macro inserts.
            TokenTree::Punct(mark) if mark.as_char() == '$' => {
                found.extend(path.end());
                path.is_foreign = !tokens.clone().next().is_some_and(|next| is_word(&next, "crate"));
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => found.extend(path.end()),
            TokenTree::Group(group) => {
                found.extend(path.end());
                // `pub(in …)` is the visibility of an item.
                if !group.stream().into_iter().next().is_some_and(|first| is_word(&first, "in")) {
                    collect(group.stream(), found);
                }
            }
        }
    }
    found.extend(path.end());
}

/// A path that is being read.
#[derive(Default)]
struct OpenPath {
    words: Vec<Ident>,
    /// The number of colons after the last word.
    colons: usize,
    /// Whether it starts with something that is not one of this crate's names.
    is_foreign: bool,
}

impl OpenPath {
    /// Adds a word, and returns the previous path if the word does not belong to it.
    fn word(&mut self, word: Ident) -> Option<Mention> {
        let (goes_on, is_absolute) = (self.colons == 2 && !self.words.is_empty(), self.colons > 1);
        let before = if goes_on { None } else { self.end_before_a_word() };
        self.is_foreign |= !goes_on && is_absolute;
        self.words.push(word);
        self.colons = 0;
        before
    }

    /// A dollar sign precedes the word that it belongs to, and has already ended the previous path.
    fn end_before_a_word(&mut self) -> Option<Mention> {
        if self.words.is_empty() { None } else { self.end() }
    }

    fn end(&mut self) -> Option<Mention> {
        let Self { words, is_foreign, .. } = std::mem::take(self);
        if is_foreign { None } else { Mention::new(&words, Role::Item) }
    }
}

fn collect_quoted(tokens: TokenStream, found: &mut Vec<Mention>) {
    let mut last_word = None;
    for token in tokens {
        match token {
            TokenTree::Group(group) => collect_quoted(group.stream(), found),
            TokenTree::Ident(word) => last_word = Some(word),
            TokenTree::Punct(_) => {}
            literal @ TokenTree::Literal(_) => {
                let is_module = last_word.take().is_some_and(|word| word == "with");
                let Ok(text) = syn::parse2::<LitStr>(literal.into()) else { continue };
                // A single word may be anything, except in serde's `with`, which names a module.
                let path = text.parse::<Path>().ok().filter(|path| path.leading_colon.is_none());
                let path = path.filter(|path| is_module || path.segments.len() > 1);
                let words = path.iter().flat_map(|path| path.segments.iter().map(|segment| &segment.ident));
                found.extend(Mention::new(words, Role::Import(None)));
            }
        }
    }
}

fn without_dollars(tokens: Vec<TokenTree>) -> TokenStream {
    tokens.into_iter().filter(|token| !is(token, '$')).collect()
}

fn is(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

fn is_word(token: &TokenTree, wanted: &str) -> bool {
    matches!(token, TokenTree::Ident(word) if word == wanted)
}
