//! The paths in a module's items, except those of its child modules and of what is compiled only for tests.

use proc_macro2::TokenStream;
use syn::{
    Arm, Attribute, Expr, ExprMethodCall, Field, FieldValue, ForeignItem, ImplItem, Item, ItemMod, ItemUse,
    Meta, Path, Stmt, TraitItem, Variant, VisRestricted,
    visit::{self, Visit},
};

use super::{
    mention::{Mention, Role},
    only_tests::{is_for_tests, marks_a_test},
    tokens,
};

/// Returns the mentions in the order of the source.
pub(crate) fn mentions(items: &[Item]) -> Vec<Mention> {
    let mut reader = Reader::default();
    for item in items {
        reader.visit_item(item);
    }
    reader.found
}

#[derive(Default)]
struct Reader {
    found: Vec<Mention>,
    /// Whether the visited item is for tests. An attribute comes before its item, so one that marks a test counts
    /// until the item ends.
    in_test: bool,
    /// The number of open modules within a function. Modules of files and of modules are not among the items.
    local_modules: usize,
}

impl Reader {
    /// Visits something that can have attributes.
    fn bearer(&mut self, visit: impl FnOnce(&mut Self)) {
        let around = self.in_test;
        visit(self);
        self.in_test = around;
    }

    fn add(&mut self, mentions: impl IntoIterator<Item = Mention>) {
        if !self.in_test {
            let open = self.local_modules;
            self.found.extend(mentions.into_iter().map(|mention| mention.out_of(open)));
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, node: &'ast Item) {
        self.bearer(|this| visit::visit_item(this, node));
    }

    fn visit_impl_item(&mut self, node: &'ast ImplItem) {
        self.bearer(|this| visit::visit_impl_item(this, node));
    }

    fn visit_trait_item(&mut self, node: &'ast TraitItem) {
        self.bearer(|this| visit::visit_trait_item(this, node));
    }

    fn visit_foreign_item(&mut self, node: &'ast ForeignItem) {
        self.bearer(|this| visit::visit_foreign_item(this, node));
    }

    fn visit_stmt(&mut self, node: &'ast Stmt) {
        self.bearer(|this| visit::visit_stmt(this, node));
    }

    fn visit_expr(&mut self, node: &'ast Expr) {
        self.bearer(|this| visit::visit_expr(this, node));
    }

    /// Only the compiler knows which type has the method.
    fn visit_expr_method_call(&mut self, node: &'ast ExprMethodCall) {
        self.add(Mention::new([&node.method], Role::Item));
        visit::visit_expr_method_call(self, node);
    }

    fn visit_arm(&mut self, node: &'ast Arm) {
        self.bearer(|this| visit::visit_arm(this, node));
    }

    fn visit_field(&mut self, node: &'ast Field) {
        self.bearer(|this| visit::visit_field(this, node));
    }

    fn visit_field_value(&mut self, node: &'ast FieldValue) {
        self.bearer(|this| visit::visit_field_value(this, node));
    }

    fn visit_variant(&mut self, node: &'ast Variant) {
        self.bearer(|this| visit::visit_variant(this, node));
    }

    fn visit_attribute(&mut self, node: &'ast Attribute) {
        self.in_test |= marks_a_test(node);
        if is_for_tests(node) {
            return;
        }
        self.visit_path(node.path());
        match &node.meta {
            Meta::Path(_) => {}
            Meta::List(list) => self.add(tokens::in_attribute(&list.tokens)),
            Meta::NameValue(pair) => self.visit_expr(&pair.value),
        }
    }

    fn visit_item_mod(&mut self, node: &'ast ItemMod) {
        self.local_modules += 1;
        visit::visit_item_mod(self, node);
        self.local_modules -= 1;
    }

    fn visit_item_use(&mut self, node: &'ast ItemUse) {
        node.attrs.iter().for_each(|attribute| self.visit_attribute(attribute));
        self.add(Mention::of_use(node));
    }

    fn visit_path(&mut self, node: &'ast Path) {
        if node.leading_colon.is_none() {
            let words = node.segments.iter().map(|segment| &segment.ident);
            self.add(Mention::new(words, Role::Item));
        }
        visit::visit_path(self, node);
    }

    /// The visibility of an item is not part of its content.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}

    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        self.add(tokens::in_macro(tokens));
    }
}
