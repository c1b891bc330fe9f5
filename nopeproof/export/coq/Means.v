(* What Symbolic.v says of attention is true at every position of every word: keys by classes, counts, powers of e. *)

From Coq Require Import ZArith NArith QArith Qreduction List Bool Field Lia.
From Nopeproof Require Import Model Numbers Poly Symbolic Heads.
Import ListNotations.
Open Scope nat_scope.

Lemma all_some_ok {A B : Type} (f : A -> option B) l r : all_some (map f l) = Some r -> Forall2 (fun a b => f a = Some b) l r.
Proof.
  revert r. induction l as [| a l IH]; cbn; intros r H; [injection H as <-; constructor |].
  destruct (f a) as [b |] eqn:E; [| discriminate]. destruct (all_some (map f l)); [| discriminate]. injection H as <-. constructor; auto.
Qed.
Lemma Forall2_in {A B : Type} (P : A -> B -> Prop) l r a : Forall2 P l r -> In a l -> exists b, In b r /\ P a b.
Proof. induction 1 as [| x y l r H H2 IH]; intros []; [subst; exists y; split; [now left | assumption] |]. destruct (IH H0) as (b & ? & ?). exists b. split; [now right | assumption]. Qed.

Section Run.
  Context {F : field}.
  Add Field means_field : (is_field F).
  Local Open Scope number_scope.
  Variables (sym : nat -> F) (any : nat -> nat -> nat -> nat -> F) (T : nat) (c : circuit) (h : hints) (w : word F).
  Hypothesis good : good_word F c w.
  Notation after_ := (after F sym any T c w).
  Notation class_at t := (fst (at_ w t)).
  Notation here_ := (here sym any T c h w).
  Notation val_ := (val sym T).
  Notation score_ := (score F sym T).
  Notation written_ := (written F sym T).
  Hint Resolve roots_val : core.

  Definition at_place (p : place) (t : nat) : Prop :=
    match p with Fixed n => t = n | Mod k => t = (period h * ((t - start c h) / period h) + k)%nat end.

  Lemma class_known t : (1 <= t <= length w)%nat -> In (class_at t) (class_list c).
  Proof. intro H. destruct (good t H) as [A _]. apply in_seq. lia. Qed.
  Lemma bos_at_1 t : (1 <= t <= length w)%nat -> is_bos c (class_at t) = true -> t = 1%nat.
  Proof.
    intros H B. destruct (good t H) as [_ A]. unfold is_bos in B. destruct (bos c) as [b |]; [| discriminate]. now apply A, Nat.eqb_eq.
  Qed.

  Lemma position_ok p t y aux : at_place p t -> peval F (val_ (here_ t) y aux) (position h p) = inj t.
  Proof.
    destruct p as [n | k]; cbn [at_place position]; intro H.
    - rewrite pint_ok. now subst.
    - rewrite padd_ok, pscale_const, pvar_ok, pint_ok by auto. cbn [val here]. rewrite ofQ_Z.
      change (inj (period h) * inj ((t - start c h) / period h) + inj k = inj t :> F). rewrite <- inj_mul, <- inj_add. now rewrite <- H.
  Qed.

  (* --- counts --- *)

  Lemma sum_by_class t (g : nat -> F) : (t <= length w)%nat -> sum t (fun j => g (class_at j)) = total (fun a => inj (count w a t) * g a) (class_list c).
  Proof.
    induction t as [| t IH]; intro H.
    - cbn [sum count]. rewrite (total_ext F _ (fun _ => zero)); [now rewrite total_zero |]. intros. rewrite inj_0. ring.
    - cbn [sum]. rewrite IH by lia. rewrite <- (total_pick F (class_at (S t)) (class_list c) g); [| apply seq_NoDup | apply class_known; lia].
      rewrite <- total_plus. apply total_ext. intros a _. cbn [count]. rewrite inj_add, (Nat.eqb_sym (class_at (S t)) a).
      destruct (Nat.eqb a (class_at (S t))); rewrite ?inj_0, ?inj_1; ring.
  Qed.
  Lemma sum_ones t : sum t (fun _ => one) = inj t :> F.
  Proof. induction t as [| t IH]; [reflexivity |]. cbn [sum]. now rewrite IH, inj_S. Qed.
  Lemma count_all t : (t <= length w)%nat -> total (fun a => inj (count w a t)) (class_list c) = inj t :> F.
  Proof. intro H. rewrite <- sum_ones, (sum_by_class t (fun _ => one) H). apply total_ext. intros. ring. Qed.
  Lemma count_bos a t : is_bos c a = true -> (1 <= t <= length w)%nat -> count w a t = 1%nat.
  Proof.
    intros B. unfold is_bos in B. destruct (bos c) as [b |] eqn:E; [| discriminate]. apply Nat.eqb_eq in B. subst b.
    induction t as [| t IH]; intro H; [lia |]. cbn [count]. destruct (good (S t) H) as [_ A]. rewrite E in A.
    destruct (Nat.eq_dec t 0) as [-> | N].
    - rewrite (proj2 A eq_refl), Nat.eqb_refl. reflexivity.
    - rewrite IH by lia. destruct (Nat.eqb_spec (class_at (S t)) a) as [Q |]; [apply A in Q; lia | reflexivity].
  Qed.

  Lemma count_poly_ok p t y aux a : (1 <= t <= length w)%nat -> at_place p t -> In a (class_list c) ->
    peval F (val_ (here_ t) y aux) (count_poly c h p a) = inj (count w a t).
  Proof.
    intros Ht Hp Ha. unfold count_poly. destruct (is_bos c a) eqn:B; [rewrite pint_ok, count_bos by assumption; reflexivity |].
    destruct (Nat.eqb_spec a (first_class c)) as [-> | N]; [| rewrite pvar_ok; cbn [val here]; now rewrite Nat2N.id].
    rewrite psub_ok, (position_ok p t) by auto.
    match goal with |- _ - peval F ?rho (fold_right ?f [] ?l) = _ =>
      assert (E : forall l', peval F rho (fold_right f [] l') = total (fun b => if Nat.eqb b (first_class c) then zero else inj (count w b t)) l') end.
    { induction l' as [| b l' IH]; cbn [fold_right total]; [reflexivity |]. destruct (Nat.eqb b (first_class c)); rewrite ?padd_ok, IH; [ring |].
      f_equal. destruct (is_bos c b) eqn:Bb; [rewrite pint_ok, count_bos by assumption; reflexivity | rewrite pvar_ok; cbn [val here]; now rewrite Nat2N.id]. }
    rewrite E, <- (count_all t) by lia.
    rewrite <- (total_pick F (first_class c) (class_list c) (fun b => inj (count w b t))) by (auto; apply seq_NoDup).
    apply (cancel F _ _ one (one_not_zero F)).
    transitivity (total (fun a => inj (count w a t)) (class_list c) - total (fun b => if Nat.eqb b (first_class c) then zero else inj (count w b t)) (class_list c) : F); [ring |].
    transitivity (total (fun b => if Nat.eqb b (first_class c) then inj (count w b t) else zero) (class_list c) : F); [| ring].
    rewrite (total_ext F (fun a => inj (count w a t)) (fun b => (if Nat.eqb b (first_class c) then inj (count w b t) else zero) +
      (if Nat.eqb b (first_class c) then zero else inj (count w b t)))) by (intros b _; destruct (Nat.eqb b (first_class c)); ring).
    rewrite total_plus. ring.
  Qed.

  (* --- powers of e --- *)

  Lemma exp_pos (n : positive) (x : F) : exp (ofZ (Zpos n) * x) = pow F (exp x) (Pos.to_nat n).
  Proof. rewrite <- exp_times. unfold inj. now rewrite positive_nat_Z. Qed.
  Lemma rpower_ok rho b a x : roots F rho -> (forall n, peval F rho (b n) = pow F (exp x) (Pos.to_nat n)) -> stands F rho (rpower b a) (exp (ofZ a * x)).
  Proof.
    intros G E. destruct a as [| n | n]; cbn [rpower].
    - rewrite ofZ_0, zero_times, exp_0, <- ofZ_1. now apply rint_ok.
    - rewrite exp_pos, <- E. now apply rpoly_ok.
    - change (Zneg n) with (- Zpos n)%Z. replace (ofZ (- Zpos n) * x) with (- (ofZ (Zpos n) * x)) by (rewrite ofZ_opp; ring). rewrite exp_opp, exp_pos.
      assert (N : pow F (exp x) (Pos.to_nat n) <> zero) by apply pow_not_zero, exp_positive.
      split; cbn [fst snd]; rewrite E; [assumption |]. rewrite pint_ok, ofZ_1. field. assumption.
  Qed.
  Lemma var_power_ok rho v n : peval F rho (var_power v n) = pow F (rho v) (Pos.to_nat n).
  Proof. cbn [peval var_power factors]. change (N.to_nat (Npos n)) with (Pos.to_nat n). rewrite ofQ_1. ring. Qed.
  Lemma int_power_ok rho p n : peval F rho (int_power p n) = pow F (exp (ln (ofZ (Zpos p)))) (Pos.to_nat n).
  Proof. unfold int_power. rewrite pint_ok, exp_ln, pow_ofZ, positive_nat_Z; [reflexivity | apply ofZ_nonneg; lia | apply ofZ_pos]. Qed.
  Lemma term_exp_ok x y aux D m q f : term_exp D m q = Some f -> stands F (val_ x y aux) f (exp (ofQ q * factors F (val_ x y aux) m)).
  Proof.
    assert (G : forall b z s, (forall n, peval F (val_ x y aux) (b n) = pow F (exp z) (Pos.to_nat n)) -> match (if Pos.eqb (Qden (Qred s)) 1 then Some (Qnum (Qred s)) else None) with
      Some a => Some (rpower b a) | None => None end = Some f -> stands F (val_ x y aux) f (exp (ofQ s * z))).
    { intros b z s Hb H. destruct (Pos.eqb_spec (Qden (Qred s)) 1) as [E |]; [| discriminate]. injection H as <-.
      replace (ofQ s * z) with (ofZ (Qnum (Qred s)) * z); [now apply rpower_ok |]. f_equal. rewrite <- (ofQ_red F s). unfold ofQ. rewrite E, ofZ_1. field. apply one_not_zero. }
    assert (Den : ofQ (1 # D) * ofZ (Zpos D) = (one : F)) by (unfold ofQ; cbn [Qnum Qden]; rewrite ofZ_1; field; apply ofZ_pos).
    assert (One : forall v, factors F (val_ x y aux) [(v, 1%N)] = val_ x y aux v) by (intro v; cbn [factors]; change (N.to_nat 1) with 1%nat; cbn [pow]; ring).
    assert (Scale : forall z : F, ofQ (q * inject_Z (Zpos D)) * (ofQ (1 # D) * z) = ofQ q * z).
    { intro z. rewrite ofQ_mul, ofQ_Z. transitivity (ofQ q * z * (ofQ (1 # D) * ofZ (Zpos D)) : F); [ring |]. rewrite Den. ring. }
    unfold term_exp. destruct m as [| [v n] m].
    - intro H. apply (G _ (ofQ (1 # D))) in H; [| intro; apply var_power_ok]. cbn [factors].
      rewrite <- Scale. now replace (ofQ (1 # D) * one) with (ofQ (1 # D) : F) by ring.
    - destruct v, n as [| [| |]], m as [| vn m]; try discriminate; rewrite One; cbn [val]; intro H.
      + apply (G _ (ofQ (1 # D) * sqrt (ofZ (Zpos n0)))) in H; [| intro; apply var_power_ok]. now rewrite <- Scale.
      + apply (G _ (ln (ofZ (Zpos n0)))) in H; [exact H | intro; apply int_power_ok].
  Qed.
  Lemma exponential_ok x y aux D a f z : exponential D a = Some f -> stands F (val_ x y aux) a z -> stands F (val_ x y aux) f (exp z).
  Proof.
    unfold exponential. destruct (pequal (snd a) (pint 1)) eqn:E; [| discriminate]. intros H [_ S].
    apply (pequal_ok F (val_ x y aux)) in E. rewrite E, pint_ok, ofZ_1 in S. replace z with (peval F (val_ x y aux) (fst a)) by (rewrite S; ring).
    clear S E. revert f H. induction (fst a) as [| [m q] p IH]; cbn [fold_right peval fst snd]; intros f H.
    - injection H as <-. rewrite exp_0, <- (ofZ_1 F), <- (pint_ok F (val_ x y aux)). now apply rpoly_ok.
    - destruct (term_exp D m q) as [e |] eqn:Et; [| discriminate]. destruct (fold_right _ _ p) as [r |]; [| discriminate]. injection H as <-.
      rewrite exp_add. apply rmul_ok; auto. now apply (term_exp_ok _ _ _ D).
  Qed.

  (* --- values by class --- *)

  Lemma class_value_ok values a v r x y y' aux z : class_value values a = Some v -> In (a, r) values -> stands F (val_ x y aux) r z -> stands F (val_ x y' aux) v z.
  Proof.
    unfold class_value. intros H I S. assert (I' : In (a, r) (filter (fun kv => Nat.eqb (fst kv) a) values)) by (apply filter_In; split; [assumption | apply Nat.eqb_refl]).
    destruct (filter _ values) as [| [b u] rest]; [contradiction |].
    destruct (safe u && ratio_vars not_there u && forallb (fun kv => replaces u (snd kv)) rest) eqn:C; [| discriminate]. injection H as <-.
    apply andb_prop in C as [C1 C]. apply andb_prop in C1 as [_ C1].
    apply (stands_ext F not_there (val_ x y aux)); [intros; now apply not_there_val | assumption |].
    destruct I' as [I' | I']; [injection I' as _ <-; assumption |].
    apply (replaces_ok sym T x y aux u r); [| assumption]. rewrite forallb_forall in C. exact (C _ I').
  Qed.
  Lemma class_value_safe values a v : class_value values a = Some v -> safe v = true.
  Proof.
    unfold class_value. destruct (filter _ values) as [| [b u] rest]; [discriminate |]. destruct (safe u) eqn:S; [| discriminate].
    cbn [andb]. destruct (_ && _); [| discriminate]. intros [= <-]. exact S.
  Qed.
  Definition lookup values a : ratio := match class_value values a with Some v => v | None => rzero end.
  Lemma lookup_all values l r : all_some (map (class_value values) l) = Some r -> r = map (lookup values) l /\ forall a, In a l -> class_value values a = Some (lookup values a).
  Proof.
    intro H. apply all_some_ok in H. induction H as [| a b l r H H2 [IH1 IH2]]; [split; [reflexivity | contradiction] |]. split.
    - cbn. unfold lookup at 1. rewrite H. now f_equal.
    - intros a' [<- | I]; [unfold lookup; now rewrite H | auto].
  Qed.

  Lemma products_map {A : Type} rho (f g : A -> ratio) (f' g' : A -> F) l : roots F rho -> (forall a, In a l -> stands F rho (f a) (f' a)) -> (forall a, In a l -> stands F rho (g a) (g' a)) ->
    stands F rho (products (map f l) (map g l)) (total (fun a => f' a * g' a) l).
  Proof.
    intros G Hf Hg. induction l as [| a l IH]; [now apply rzero_ok |]. unfold products. cbn [map combine fold_right total fst snd].
    apply radd_ok; auto; [apply rmul_ok; auto; [apply Hf | apply Hg]; now left |]. apply IH; intros; [apply Hf | apply Hg]; now right.
  Qed.
  Lemma map_combine {A B C D : Type} (f : A -> B) (g : A -> C) (k : B * C -> D) l : map k (combine (map f l) (map g l)) = map (fun a => k (f a, g a)) l.
  Proof. induction l; cbn; congruence. Qed.

  Lemma weighted_ok p t y aux (f u : nat -> ratio) (f' u' : nat -> F) : (1 <= t <= length w)%nat -> at_place p t ->
    (forall a, In a (class_list c) -> stands F (val_ (here_ t) y aux) (f a) (f' a)) ->
    (forall a, In a (class_list c) -> stands F (val_ (here_ t) y aux) (u a) (u' a)) ->
    sum t (fun j => f' (class_at j)) <> zero ->
    stands F (val_ (here_ t) y aux) (weighted c h p (map f (class_list c)) (map u (class_list c)))
      (sum t (fun j => f' (class_at j) * u' (class_at j)) * inv (sum t (fun j => f' (class_at j)))).
  Proof.
    intros Ht Hp Hf Hu N. unfold weighted. rewrite map_combine. cbn [fst snd].
    assert (C : forall a, In a (class_list c) -> stands F (val_ (here_ t) y aux) (rpoly (count_poly c h p a)) (inj (count w a t))).
    { intros a Ha. rewrite <- (count_poly_ok p t y aux a Ht Hp Ha). now apply rpoly_ok. }
    rewrite (sum_by_class t (fun a => f' a * u' a)) by lia. rewrite (sum_by_class t f') in * by lia.
    apply rmul_ok; auto; [| apply rinv_ok; auto]; apply products_map; auto. intros. apply rmul_ok; auto.
  Qed.

  (* --- a head --- *)

  Definition keys_ok (l : nat) (keys : list (nat * (nat -> ratio))) : Prop := forall j, (1 <= j <= length w)%nat ->
    exists k, In (class_at j, k) keys /\ forall x aux i, stands F (val_ x (here_ j) aux) (k i) (after_ l j i).

  Lemma exps_positive hd x t : (1 <= t)%nat -> sum t (fun j => exp (score_ hd (x t) (x j))) <> zero.
  Proof. intro H. apply sum_positive; [| assumption]. intros. apply exp_positive. Qed.
  Lemma mean_const hd x t i z : (1 <= t)%nat -> (forall j, (1 <= j <= t)%nat -> written_ hd (x j) i = z) -> mean F sym T hd x t i = z.
  Proof.
    intros Ht H. unfold mean. pose proof (exps_positive hd x t Ht) as N.
    rewrite (sum_ext F t _ (fun j => exp (score_ hd (x t) (x j)) * z)) by (intros j Hj; now rewrite H).
    rewrite sum_scale. field. assumption.
  Qed.
  Lemma mean_shift hd x t i (E : F) e u : (1 <= t)%nat -> (forall j, (1 <= j <= t)%nat -> exp (score_ hd (x t) (x j)) = e j * E) -> (forall j, (1 <= j <= t)%nat -> written_ hd (x j) i = u j) ->
    E <> zero -> sum t e <> zero /\ mean F sym T hd x t i = sum t (fun j => e j * u j) * inv (sum t e).
  Proof.
    intros Ht He Hu NE. unfold mean. pose proof (exps_positive hd x t Ht) as N.
    rewrite (sum_ext F t _ (fun j => e j * E)) in N by exact He. rewrite sum_scale in N.
    assert (Ne : sum t e <> zero) by (intro Z; apply N; rewrite Z; ring). split; [assumption |].
    rewrite (sum_ext F t _ (fun j => e j * u j * E)) by (intros j Hj; rewrite He, Hu by assumption; ring).
    rewrite (sum_ext F t (fun j => exp (score_ hd (x t) (x j))) (fun j => e j * E)) by exact He.
    rewrite !sum_scale. field. now split.
  Qed.

  Lemma factor_ok s0 s f x y aux z : factor h s0 s = Some f -> stands F (val_ x y aux) s z ->
    stands F (val_ x y aux) f (exp (z - rval (val_ x y aux) s0)) /\ forall y', rval (val_ x y' aux) s0 = rval (val_ x y aux) s0.
  Proof.
    unfold factor. destruct (ratio_vars not_there s0 && ratio_vars not_there s && pequal (snd s) (snd s0)) eqn:C; [| discriminate].
    apply andb_prop in C as [C P]. apply andb_prop in C as [C0 _]. intros H [N S]. apply (pequal_ok F (val_ x y aux)) in P. split.
    - apply (exponential_ok x y aux _ _ _ _ H). apply simplify_ok; auto. rewrite psub_ok, S by auto. unfold rval. rewrite P in *. field. assumption.
    - intro y'. apply andb_prop in C0 as [C1 C2]. unfold rval.
      now rewrite (peval_ext F not_there (val_ x y' aux) (val_ x y aux) (fst s0)), (peval_ext F not_there (val_ x y' aux) (val_ x y aux) (snd s0)) by (auto; intros; now apply not_there_val).
  Qed.

  Lemma nth_map_seq {A : Type} (f : nat -> A) n i d : (i < n)%nat -> nth i (map f (seq 0 n)) d = f i.
  Proof.
    intro H. rewrite (nth_indep _ d (f 0%nat)) by (now rewrite map_length, seq_length). rewrite map_nth, seq_nth by assumption. reflexivity.
  Qed.

  Section Head.
    Variables (l : nat) (hd : head) (keys : list (nat * (nat -> ratio))) (q : case) (X : nat -> ratio) (t : nat).
    Hypothesis K : keys_ok l keys.
    Hypothesis Ht : (1 <= t <= length w)%nat.
    Hypothesis Hq : fst q = class_at t.
    Hypothesis Hp : at_place (snd q) t.
    Hypothesis HX : forall y aux i, stands F (val_ (here_ t) y aux) (X i) (after_ l t i).

    Let value_rows := map (fun k => (fst k, reads (W_V hd) (snd k))) keys.
    Let scores := map (fun k => (fst k, rscore hd (reads (W_Q hd) X) (snd k))) (map (fun k => (fst k, reads (W_K hd) (snd k))) keys).
    Let values i := map (fun k => (fst k, rwritten (map (fun v => read_entry false false v i) (W_O hd)) (snd k))) value_rows.

    Lemma values_ok i j : (1 <= j <= length w)%nat -> exists r, In (class_at j, r) (values i) /\
      forall x aux, stands F (val_ x (here_ j) aux) r (written_ hd (after_ l j) i).
    Proof.
      intro Hj. destruct (K j Hj) as (k & I & S). eexists. split.
      - apply (in_map (fun k => (fst k, reads (W_V hd) (snd k)))) in I.
        apply (in_map (fun k => (fst k, rwritten (map (fun v => read_entry false false v i) (W_O hd)) (snd k)))) in I. exact I.
      - intros x aux. cbn [snd]. apply rwritten_ok. apply reads_ok. intro. apply S.
    Qed.
    Lemma scores_ok j : (1 <= j <= length w)%nat -> exists s, In (class_at j, s) scores /\
      forall aux, stands F (val_ (here_ t) (here_ j) aux) s (score_ hd (after_ l t) (after_ l j)).
    Proof.
      intro Hj. destruct (K j Hj) as (k & I & S). eexists. split.
      - apply (in_map (fun k => (fst k, reads (W_K hd) (snd k)))) in I.
        apply (in_map (fun k => (fst k, rscore hd (reads (W_Q hd) X) (snd k)))) in I. exact I.
      - intro aux. cbn [snd]. apply rscore_ok; apply reads_ok; intro; [apply HX | apply S].
    Qed.

    Lemma same_column i v : (exists a r, all_some (map (class_value (values i)) (class_list c)) = Some (a :: r) /\ forallb (replaces a) r = true /\ a = v) ->
      forall y aux, stands F (val_ (here_ t) y aux) v (mean F sym T hd (after_ l) t i).
    Proof.
      intros (a & r & A & R0 & ->) y aux.
      assert (E : forall j, (1 <= j <= t)%nat -> stands F (val_ (here_ t) y aux) v (written_ hd (after_ l j) i)).
      { intros j Hj. destruct (values_ok i j) as (u & I & S); [lia |]. apply all_some_ok in A.
        destruct (Forall2_in _ _ _ (class_at j) A) as (b & Ib & Hb); [apply class_known; lia |].
        pose proof (class_value_ok _ _ _ _ (here_ t) (here_ j) y aux _ Hb I (S _ _)) as Sb.
        destruct Ib as [<- | Ib]; [exact Sb |]. rewrite forallb_forall in R0. exact (replaces_ok sym T _ _ _ v b _ (R0 b Ib) Sb). }
      rewrite (mean_const hd (after_ l) t i (written_ hd (after_ l t) i)); [apply E; lia | lia |].
      intros j Hj. apply (stands_unique F _ _ _ _ (E j Hj)). apply E. lia.
    Qed.

    Lemma weighted_column i all f : all_some (map (class_value (values i)) (class_list c)) = Some all -> class_factors c h scores = Some f ->
      forall y aux, stands F (val_ (here_ t) y aux) (weighted c h (snd q) f all) (mean F sym T hd (after_ l) t i).
    Proof.
      intros A B y aux. apply lookup_all in A as [-> A]. unfold class_factors in B. destruct scores as [| [a0 s0] rest] eqn:Es; [discriminate |].
      rewrite <- Es in B. destruct (all_some (map _ scores)) as [factors |] eqn:Ef; [| discriminate]. apply all_some_ok in Ef. apply lookup_all in B as [-> B].
      set (z0 := rval (val_ (here_ t) y aux) s0).
      assert (G : forall j, (1 <= j <= t)%nat -> stands F (val_ (here_ t) y aux) (lookup factors (class_at j)) (exp (score_ hd (after_ l t) (after_ l j) - z0))).
      { intros j Hj. destruct (scores_ok j) as (s & I & S); [lia |]. destruct (Forall2_in _ _ _ _ Ef I) as ((a & g) & Ig & Hg). cbn [fst snd] in Hg.
        destruct (factor h s0 s) as [g' |] eqn:Fg; [| discriminate]. injection Hg as <- <-.
        destruct (factor_ok _ _ _ _ _ aux _ Fg (S aux)) as [Sg Same]. unfold z0. rewrite (Same y).
        exact (class_value_ok _ _ _ _ _ _ y aux _ (B _ (class_known j ltac:(lia))) Ig Sg). }
      assert (U : forall j, (1 <= j <= t)%nat -> stands F (val_ (here_ t) y aux) (lookup (values i) (class_at j)) (written_ hd (after_ l j) i)).
      { intros j Hj. destruct (values_ok i j) as (u & I & S); [lia |]. exact (class_value_ok _ _ _ _ _ _ y aux _ (A _ (class_known j ltac:(lia))) I (S _ aux)). }
      set (f' a := rval (val_ (here_ t) y aux) (lookup factors a)). set (u' a := rval (val_ (here_ t) y aux) (lookup (values i) a)).
      destruct (mean_shift hd (after_ l) t i (exp z0) (fun j => f' (class_at j)) (fun j => u' (class_at j))) as [N ->]; [lia | | | apply exp_positive |].
      - intros j Hj. unfold f'. rewrite (rval_stands _ _ _ (G j Hj)), <- exp_add. f_equal. ring.
      - intros j Hj. unfold u'. now rewrite (rval_stands _ _ _ (U j Hj)).
      - apply weighted_ok; auto; intros a Ha; apply stands_rval, safe_ok; [apply (class_value_safe factors a), B | apply (class_value_safe (values i) a), A]; assumption.
    Qed.

    Lemma head_adds_ok i v : (i < d_model c)%nat -> head_adds c h l hd keys q X i = Some v ->
      forall y aux, stands F (val_ (here_ t) y aux) v (mean F sym T hd (after_ l) t i).
    Proof.
      intros Hi H. unfold head_adds in H. cbv zeta in H. rewrite nth_map_seq in H by assumption.
      destruct (wanted h (S l) i); [| destruct (is_bos c (fst q)); [destruct (fst q)|]; discriminate]. unfold head_column at 1 in H. cbv zeta in H.
      fold value_rows in H. fold scores in H. fold (values i) in H.
      destruct (is_bos c (fst q)) eqn:B.
      - intros y aux. rewrite Hq in B, H.
        assert (H' : nth (class_at t) (map (class_value (values i)) (class_list c)) None = Some v)
          by (destruct (all_some (map (class_value (values i)) (class_list c))) as [[| ? ?] |]; exact H).
        clear H. rename H' into H. pose proof (bos_at_1 t Ht B) as E. unfold class_list in H.
        pose proof (class_known t Ht) as I. apply in_seq in I. rewrite nth_map_seq in H by lia.
        destruct (values_ok i t Ht) as (u & Iu & S). pose proof (class_value_ok _ _ _ _ (here_ t) (here_ t) y aux _ H Iu (S _ _)) as Sv.
        rewrite (mean_const hd (after_ l) t i (written_ hd (after_ l t) i)); [exact Sv | lia |]. intros j Hj. now replace j with t by lia.
      - destruct (all_some (map (class_value (values i)) (class_list c))) as [[| a r] |] eqn:A; [discriminate | | discriminate].
        destruct (forallb (replaces a) r) eqn:R0; [injection H as <-; apply same_column; now exists a, r |].
        destruct (existsb _ _ && _); [| discriminate]. destruct (class_factors c h scores) as [f |] eqn:C; [| discriminate]. injection H as <-.
        now apply weighted_column.
    Qed.
  End Head.
End Run.
