//! Signatures in which a value does not say what it means.

use syn::{
    FnArg, GenericArgument, ImplItemFn, Item, ItemFn, ItemImpl, Pat, PathArguments, Signature, TraitItemFn,
    Type,
    visit::{self, Visit},
};

use crate::tidy::source::{
    modules::{Module, Modules},
    only_tests::marks_a_test,
    package::below_root,
};

/// Functions that take a `bool` or a tuple, or return `Result<bool>` without a question as their name.
pub(super) fn findings(modules: &Modules) -> Vec<String> {
    let of_module = |module: &Module| {
        let file = below_root(&module.file);
        in_items(&module.items).map(move |(line, what)| format!("{file}:{line}: {what}"))
    };
    modules.iter().flat_map(|(_, module)| of_module(module)).collect()
}

fn in_items(items: &[Item]) -> impl Iterator<Item = (usize, String)> + use<> {
    let mut signatures = Signatures::default();
    for item in items {
        signatures.visit_item(item);
    }
    signatures.0.into_iter()
}

/// What is wrong, with its line.
#[derive(Default)]
struct Signatures(Vec<(usize, String)>);

impl Signatures {
    fn check(&mut self, signature: &Signature) {
        let name = &signature.ident;
        for argument in &signature.inputs {
            let FnArg::Typed(argument) = argument else { continue };
            let line = argument.colon_token.span.start().line;
            if is_bool(&argument.ty) {
                let what =
                    format!("`{name}` takes a `bool`: an enum, or two functions, say what is asked for");
                self.0.push((line, what));
            }
            // What a pattern takes apart has names at once, but the caller sees none.
            if is_tuple(&argument.ty) || matches!(*argument.pat, Pat::Tuple(_)) {
                let what = format!("`{name}` takes a tuple: two parameters, or a struct, have names");
                self.0.push((line, what));
            }
        }
        let mut returned = ReturnsBool(false);
        returned.visit_return_type(&signature.output);
        if returned.0 && !is_question(&name.to_string()) {
            let line = name.span().start().line;
            let what = format!(
                "`{name}` returns `Result<bool>`: an enum, or a name such as `is_…`, says what `true` means"
            );
            self.0.push((line, what));
        }
    }
}

impl<'ast> Visit<'ast> for Signatures {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        if !function.attrs.iter().any(marks_a_test) {
            self.check(&function.sig);
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !function.attrs.iter().any(marks_a_test) {
            self.check(&function.sig);
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        self.check(&function.sig);
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_item_impl(&mut self, block: &'ast ItemImpl) {
        // The signatures of a trait's methods are the trait's, which may be another crate's.
        if block.trait_.is_none() && !block.attrs.iter().any(marks_a_test) {
            visit::visit_item_impl(self, block);
        }
    }
}

/// Whether a type has `Result<bool, …>` in it, as `impl Future<Output = Result<bool, Error>>` does.
struct ReturnsBool(bool);

impl<'ast> Visit<'ast> for ReturnsBool {
    fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
        if segment.ident == "Result"
            && let PathArguments::AngleBracketed(arguments) = &segment.arguments
            && let Some(GenericArgument::Type(first)) = arguments.args.first()
            && is_bool(first)
        {
            self.0 = true;
        }
        visit::visit_path_segment(self, segment);
    }
}

/// Whether a name asks what `true` answers.
fn is_question(name: &str) -> bool {
    ["is_", "are_", "has_", "may_", "can_"].iter().any(|word| name.starts_with(word))
}

fn is_bool(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident("bool"))
}

fn is_tuple(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => is_tuple(&reference.elem),
        Type::Tuple(tuple) => tuple.elems.len() > 1,
        _ => false,
    }
}
