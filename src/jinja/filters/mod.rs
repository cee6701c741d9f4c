//! Every filter of Jinja2 3.1 and of Salt, by name.

mod data;
mod dicts;
mod hash;
mod html;
mod lists;
mod network;
mod numbers;
mod outside;
mod pretty;
mod regex;
mod select;
mod sequence;
mod strings;
mod text;
pub(super) mod time;
mod wrap;
mod xml;

use super::object::Native;
pub(super) use data::compact_json;
pub(super) use numbers::{abs, parse_float, parse_int};
pub(super) use regex::subject;

/// What Python's regular expressions say of octets.
const NO_TEXT: &str = "cannot use a string pattern on a bytes-like object";

/// A filter.
pub(super) struct Filter {
    name: &'static str,
    pub run: Native,
}

const fn row(name: &'static str, run: Native) -> Filter {
    Filter { name, run }
}

/// The filter of this name.
pub(super) fn find(name: &str) -> Option<&'static Filter> {
    let at = FILTERS.binary_search_by(|filter| filter.name.cmp(name)).ok()?;
    FILTERS.get(at)
}

/// All that there are.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FILTERS.iter().map(|filter| filter.name)
}

/// Sorted by name.
static FILTERS: &[Filter] = &[
    row("abs", numbers::abs),
    row("append_dict_key_value", dicts::append),
    row("attr", select::attr),
    row("avg", numbers::avg),
    row("base64_decode", hash::base64_decode),
    row("base64_encode", hash::base64_encode),
    row("batch", sequence::batch),
    row("capitalize", text::capitalize),
    row("center", text::center),
    row("check_whitelist_blacklist", strings::check_whitelist_blacklist),
    row("combinations", lists::combinations),
    row("combinations_with_replacement", lists::combinations_with_replacement),
    row("compare_dicts", dicts::compare_dicts),
    row("compare_lists", dicts::compare_lists),
    row("compress", lists::compress),
    row("contains_whitespace", strings::contains_whitespace),
    row("count", sequence::length),
    row("d", text::default),
    row("date_format", time::date_format),
    row("default", text::default),
    row("dict_to_sls_yaml_params", data::dict_to_sls_yaml_params),
    row("dictsort", sequence::dictsort),
    row("difference", lists::difference),
    row("dns_check", outside::dns_check),
    row("e", html::escape),
    row("escape", html::escape),
    row("exactly_n_true", lists::exactly_n_true),
    row("exactly_one_true", lists::exactly_one_true),
    row("extend_dict_key_value", dicts::extend),
    row("file_hashsum", outside::file_hashsum),
    row("filesizeformat", numbers::filesizeformat),
    row("filter_by_networks", network::filter_by_networks),
    row("first", sequence::first),
    row("flatten", lists::flatten),
    row("float", numbers::float),
    row("forceescape", html::forceescape),
    row("format", text::format),
    row("from_entries", dicts::from_entries),
    row("gen_mac", network::gen_mac),
    row("get_uid", outside::get_uid),
    row("groupby", select::groupby),
    row("hmac", hash::hmac),
    row("hmac_compute", hash::hmac_compute),
    row("http_query", outside::http_query),
    row("human_to_bytes", strings::human_to_bytes),
    row("indent", text::indent),
    row("int", numbers::int),
    row("intersect", lists::intersect),
    row("ip_host", network::ip_host),
    row("ipaddr", network::ipaddr),
    row("ipv4", network::ipv4),
    row("ipv6", network::ipv6),
    row("ipwrap", network::ipwrap),
    row("is_bin_file", outside::is_bin_file),
    row("is_empty", outside::is_empty),
    row("is_hex", strings::is_hex),
    row("is_ip", network::is_ip),
    row("is_ipv4", network::is_ipv4),
    row("is_ipv6", network::is_ipv6),
    row("is_iter", lists::is_iter),
    row("is_list", lists::is_list),
    row("is_text_file", outside::is_text_file),
    row("items", sequence::items),
    row("join", sequence::join),
    row("json", data::json),
    row("json_decode_dict", dicts::encode_dict),
    row("json_decode_list", dicts::encode_list),
    row("json_encode_dict", dicts::encode_dict),
    row("json_encode_list", dicts::encode_list),
    row("json_query", super::jmespath::json_query),
    row("last", sequence::last),
    row("length", sequence::length),
    row("list", sequence::list),
    row("list_files", outside::list_files),
    row("load_json", data::load_json),
    row("load_text", data::load_text),
    row("load_yaml", data::load_yaml),
    row("lower", text::lower),
    row("mac_str_to_bytes", network::mac_str_to_bytes),
    row("map", select::map),
    row("max", numbers::max),
    row("md5", hash::md5),
    row("method_call", lists::method_call),
    row("min", numbers::min),
    row("mysql_to_dict", dicts::mysql_to_dict),
    row("network_hosts", network::network_hosts),
    row("network_size", network::network_size),
    row("path_join", strings::path_join),
    row("permutations", lists::permutations),
    row("pprint", pretty::pprint),
    row("product", lists::product),
    row("python", pretty::python),
    row("quote", strings::quote),
    row("rand_str", hash::random_hash),
    row("random", sequence::random),
    row("random_hash", hash::random_hash),
    row("random_sample", lists::random_sample),
    row("random_shuffle", lists::random_shuffle),
    row("random_str", hash::random_str),
    row("regex_escape", regex::regex_escape),
    row("regex_match", regex::regex_match),
    row("regex_replace", regex::regex_replace),
    row("regex_search", regex::regex_search),
    row("reject", select::reject),
    row("rejectattr", select::rejectattr),
    row("replace", text::replace),
    row("reverse", sequence::reverse),
    row("round", numbers::round),
    row("safe", html::safe),
    row("select", select::select),
    row("selectattr", select::selectattr),
    row("sequence", lists::sequence),
    row("set_dict_key_value", dicts::set),
    row("sha1", hash::sha1),
    row("sha256", hash::sha256),
    row("sha512", hash::sha512),
    row("skip", strings::skip),
    row("slice", sequence::slice),
    row("sort", sequence::sort),
    row("sorted_ignorecase", lists::sorted_ignorecase),
    row("str_to_num", strings::to_num),
    row("strftime", time::date_format),
    row("string", text::string),
    row("striptags", html::striptags),
    row("substring_in_list", strings::substring_in_list),
    row("sum", numbers::sum),
    row("symmetric_difference", lists::symmetric_difference),
    row("title", text::title),
    row("to_bool", strings::to_bool),
    row("to_bytes", strings::to_bytes),
    row("to_camelcase", strings::to_camelcase),
    row("to_entries", dicts::to_entries),
    row("to_num", strings::to_num),
    row("to_snake_case", strings::to_snake_case),
    row("tojson", data::tojson),
    row("traverse", dicts::traverse),
    row("trim", text::trim),
    row("truncate", text::truncate),
    row("union", lists::union),
    row("unique", lists::unique),
    row("update_dict_key_value", dicts::update),
    row("upper", text::upper),
    row("urlencode", html::urlencode),
    row("urlize", html::urlize),
    row("uuid", hash::uuid),
    row("which", outside::which),
    row("wordcount", text::wordcount),
    row("wordwrap", wrap::wordwrap),
    row("xml", xml::xml),
    row("xmlattr", html::xmlattr),
    row("yaml", data::yaml),
    row("yaml_dquote", strings::yaml_dquote),
    row("yaml_encode", strings::yaml_encode),
    row("yaml_squote", strings::yaml_squote),
    row("zip", lists::zip),
    row("zip_longest", lists::zip_longest),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_sorted_and_unique() {
        assert!(FILTERS.is_sorted_by(|a, b| a.name < b.name));
    }
}
